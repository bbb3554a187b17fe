"""The states of a comment whose texts are kept in golden/: `python -m tests.github.comment_samples` writes them again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from aws_run.github.comments.changes import RunFacts, compare
from aws_run.github.comments.text import CommentState, render
from aws_run.runs.output_files import OutputFile

GOLDEN = Path(__file__).parent / "golden"
_RUN, _BASE = "forest-20260102-030405-abcd", "forest-20260101-100000-0b0b"
_BUCKET = "arun-123456789012-eu-central-1-an"
_PAGE = f"https://eu-central-1.console.aws.amazon.com/s3/object/{_BUCKET}?region=eu-central-1&prefix=runs/"
_WORKFLOW = "https://github.com/acme/models/actions/runs/41/attempts/1"


def _file(run: str, path: str, count: int, checksum: str, shape: tuple[int, int] | None = None) -> OutputFile:
    return OutputFile(bytes=count, etag=checksum, shape=shape, url=f"{_PAGE}{run}/output/{path}")


BEFORE = RunFacts(
    run_id=_BASE,
    cost_usd=Decimal("0.0412"),
    seconds=402.0,
    peak_memory_bytes=3_221_225_472,
    outputs={
        "confusion.png": _file(_BASE, "confusion.png", 18_221, "a"),
        "metrics.json": _file(_BASE, "metrics.json", 92, "b"),
        "old.csv": _file(_BASE, "old.csv", 51, "c", (3, 2)),
        "predictions.csv": _file(_BASE, "predictions.csv", 1_204, "d", (44, 3)),
        "model.joblib": _file(_BASE, "model.joblib", 512_000, "e"),
    },
    metrics={"metrics.json:accuracy": 0.9333, "metrics.json:loss": 0.2101, "metrics.json:trees": 100.0},
)
AFTER = RunFacts(
    run_id=_RUN,
    cost_usd=Decimal("0.0367"),
    seconds=351.0,
    peak_memory_bytes=3_865_470_566,
    outputs={
        "confusion.png": _file(_RUN, "confusion.png", 18_944, "f"),
        "importance.png": _file(_RUN, "importance.png", 22_110, "g"),
        "metrics.json": _file(_RUN, "metrics.json", 92, "h"),
        "predictions.csv": _file(_RUN, "predictions.csv", 1_310, "i", (46, 4)),
        "model.joblib": _file(_RUN, "model.joblib", 512_000, "e"),
    },
    metrics={"metrics.json:accuracy": 0.9556, "metrics.json:loss": 0.2105, "metrics.json:trees": 100.0},
)
CHANGES = compare(BEFORE, AFTER, against="main's last run", tolerance={"loss": 0.01})
_RUNNING = CommentState(
    state="running", sha="4f6c" + "0" * 36, run_url=_WORKFLOW, run_id=_RUN, resources="g6.xlarge, L4, 4 vCPU, 16 GB, spot",
    estimate="at most $1.61 for 2 h",
)  # fmt: skip
SUCCEEDED = CommentState(
    state="succeeded", sha=_RUNNING.sha, run_url=_WORKFLOW, run_id=_RUN, resources=_RUNNING.resources,
    cost_usd=AFTER.cost_usd, seconds=351.0, exit_code=0, sentence="the job finished",
    s3_uri=f"s3://{_BUCKET}/runs/{_RUN}/output/", console_url=f"{_PAGE}{_RUN}/output/", logs_url=f"{_PAGE}{_RUN}/log.txt",
    outputs=tuple((path, one.bytes, one.url) for path, one in AFTER.outputs.items()), output_files=5, output_bytes=554_456,
    changes=CHANGES,
)  # fmt: skip
FAILED = CommentState(
    state="failed", sha=_RUNNING.sha, run_url=_WORKFLOW, run_id=_RUN, resources=_RUNNING.resources, exit_code=1,
    cost_usd=Decimal("0.0021"), seconds=12.0, sentence="the job ended with exit code 1",
    log=("Traceback (most recent call last):", '  File "main.py", line 12, in <module>', "ValueError: ``` is no number"),
)  # fmt: skip
SAMPLES = {
    "queued": CommentState(state="queued", sha=_RUNNING.sha, run_url=_WORKFLOW, resources="--gpu L4:1 --spot"),
    "running": _RUNNING,
    "succeeded": SUCCEEDED,
    "failed": FAILED,
}


def main() -> None:
    for name, state in SAMPLES.items():
        (GOLDEN / f"comment-{name}.md").write_text(render(state) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
