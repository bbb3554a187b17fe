"""What stands in the comment: as the golden files, harmless whatever the run wrote, and without any secret."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.github.comment_samples import AFTER, BEFORE, CHANGES, FAILED, GOLDEN, SAMPLES, SUCCEEDED
from tests.waiting import until

from aws_run.events import LaneStarted, LogLine, RunStarted, StatusChanged
from aws_run.github.comments.changes import NoBase, RunFacts, compare, read_metrics, read_shape
from aws_run.github.comments.live import LiveOptions, RunComment
from aws_run.github.comments.redact import redact, secrets_of
from aws_run.github.comments.sticky import MOST_CHARACTERS, Turn
from aws_run.github.comments.text import CommentState, render

PLANTED = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_state_is_the_golden_text(name: str) -> None:
    assert f"{render(SAMPLES[name])}\n" == (GOLDEN / f"comment-{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "hostile",
    ["<img src=x onerror=alert(1)>", "@everyone", "[click](javascript:alert(1))", "| a | b |", "```\nfence", "<!-- aws-run:v1",
     "</details>", "#1", "$$x$$", "![](https://evil.example/x.png)", "~~~", "\u202egnp.exe"],
)  # fmt: skip
def test_what_a_run_writes_is_shown_and_means_nothing(hostile: str) -> None:
    state = replace(
        FAILED,
        sentence=hostile,
        resources=hostile,
        log=(hostile, "````", "`````x"),
        outputs=((hostile, 1, "javascript:alert(1)"),),
        output_files=1,
        changes=compare(
            RunFacts(run_id=hostile),
            RunFacts(run_id="r", outputs={hostile: AFTER.outputs["metrics.json"]}, metrics={hostile: 1.0}),
            against=hostile,
        ),
    )
    text = render(state)
    outside, fenced, _ = re.split(r"\n(?=`{6,}text\n)|(?<=\n)`{6,}\n", text, maxsplit=2)
    for sign in ("<img", "@everyone", "](javascript", "<!--", "$$x", "![]", "\u202e"):
        assert sign not in outside
    assert outside.count("</details>") == outside.count("<details>") - 1
    assert fenced.startswith("``````text")


_FENCES = st.builds(
    lambda count, rest: "`" * count + rest, st.integers(1, 9), st.sampled_from(["", "text", " x", "\n"])
)


@given(st.lists(st.one_of(_FENCES, st.text(max_size=60)), max_size=6).map(tuple))
def test_no_log_gets_out_of_its_fence(lines: tuple[str, ...]) -> None:
    text = render(replace(FAILED, log=lines))
    if not any(lines):
        return
    fence = re.search(r"^(`{3,})text$", text, re.M)
    assert fence is not None
    body = text[fence.end() :]
    assert body.count(f"\n{fence[1]}\n") == 1
    assert body.endswith(f"{fence[1]}\n\n</details>")


@pytest.mark.parametrize(
    "secret",
    [PLANTED, "ASIA" + "A" * 16, "ghp_" + "a" * 36, "github_pat_" + "a" * 30, "xoxb-" + "1" * 12, "hf_" + "a" * 30,
     "aws_secret_access_key = abcdefgh/ijklmnop+q", "password: hunter22", "eyJhbGciOiJI.eyJzdWIiOiIx.abc_def",
     "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"],
)  # fmt: skip
def test_a_planted_key_never_leaves(secret: str) -> None:
    state = replace(
        FAILED,
        sentence=f"it failed: {secret}",
        resources=secret,
        log=(f"before {secret} after", *secret.splitlines()),
        changes=compare(BEFORE, AFTER, against=secret),
    )
    text = render(state)
    assert secret not in text
    assert "***" in text


def test_values_of_the_environment_never_leave() -> None:
    known = secrets_of({"AWS_SECRET_ACCESS_KEY": "plain-looking-value", "HOME": "/home/runner", "MY_TOKEN": "short"})
    assert known == ("plain-looking-value",)
    text = render(replace(FAILED, log=("it is plain-looking-value, at /home/runner",)), known)
    assert "plain-looking-value" not in text
    assert "/home/runner" in text
    assert redact("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize("numbers", [0, 60])
def test_a_comment_is_short_enough_for_github_and_says_what_it_leaves_out(numbers: int) -> None:
    long = {f"{'|' * 250}{number}.csv": AFTER.outputs["model.joblib"] for number in range(400)}
    metrics = {f"{'|' * 250}{number}": float(number) for number in range(numbers)}
    page = "https://example.com/" + "%7C" * 1000
    state = replace(
        SUCCEEDED,
        changes=compare(BEFORE, replace(AFTER, outputs=long, metrics=metrics), against="main"),
        outputs=tuple((path, 1, page) for path in long),
        output_files=len(long),
    )
    text = render(state)
    assert len(text) < MOST_CHARACTERS - 5000
    assert "400 added" in text, "the verdict stays"
    assert "Some lists are left out" in text
    assert text.count("<details>") == text.count("</details>")
    assert "Some lists are left out" not in render(SUCCEEDED)


def test_without_an_earlier_run_that_is_said() -> None:
    assert "**What changed** — main has none" in render(replace(SUCCEEDED, changes=NoBase(why="main has none")))


# -- what changed -------------------------------------------------------------------------------------------------


def test_what_changed_is_told_by_file_by_number_and_in_one_line() -> None:
    assert {(change.path, change.what) for change in CHANGES.files} == {
        ("confusion.png", "changed"), ("importance.png", "added"), ("metrics.json", "changed"), ("old.csv", "removed"),
        ("predictions.csv", "changed"),
    }  # fmt: skip
    assert {number.name: number.within for number in CHANGES.numbers} == {
        "metrics.json:accuracy": False, "metrics.json:loss": True, "metrics.json:trees": True,
    }  # fmt: skip
    assert CHANGES.verdict == (
        "Outputs: 1 added, 1 removed, 3 changed; 1 of 3 metrics beyond their tolerance: metrics.json:accuracy."
    )
    assert compare(BEFORE, BEFORE, against="main's last run").verdict == "No output differs from main's last run."
    assert "46 rows, 4 columns" in render(SUCCEEDED)
    assert "[image, " in render(SUCCEEDED)


@pytest.mark.parametrize(
    ("was", "now", "tolerance", "within"),
    [
        (1.0, 1.05, {"m": 0.05}, True),
        (1.0, 1.06, {"m": 0.05}, False),
        (-1.0, -1.05, {"m": 0.05}, True),
        (1.0, 1.5, {"*": 0.5}, True),
        (1.0, 1.5, {"m": 0.1, "*": 0.5}, False),
        (0.0, 1e-9, {"*": 0.5}, False),
        (float("nan"), float("nan"), {}, True),
        (float("nan"), 1.0, {"*": 9.0}, False),
        (float("inf"), float("inf"), {}, True),
        (1.0, None, {"*": 9.0}, False),
        (None, 1.0, {"*": 9.0}, False),
    ],
)
def test_a_number_moves_within_its_tolerance(
    was: float | None, now: float | None, tolerance: dict[str, float], within: bool
) -> None:
    def facts(value: float | None) -> RunFacts:
        return RunFacts(run_id="r", metrics={} if value is None else {"metrics.json:deep.m": value})

    (number,) = compare(facts(was), facts(now), against="main", tolerance=tolerance).numbers
    assert number.within is within


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_metrics_or_left(content: bytes) -> None:
    assert all(isinstance(value, float) for value in read_metrics("metrics.json", content).values())
    read_shape("a.csv", content)


def test_metrics_and_tables_are_read_with_their_bounds() -> None:
    content = b'{"a": 1, "b": {"c": 2.5, "t": true, "s": "x"}, "l": [3, null], "n": NaN, "big": 1e999}'
    found = read_metrics("out/metrics.json", content)
    assert {name.partition(":")[2]: value for name, value in found.items() if value == value} == {
        "a": 1.0, "b.c": 2.5, "l.0": 3.0, "big": float("inf"),
    }  # fmt: skip
    assert len(read_metrics("m", b"[" + b",".join(b"1" for _ in range(5000)) + b"]")) == 200
    assert read_metrics("m", b"[" * 100_000) == {}
    assert read_shape("a.csv", b'\xef\xbb\xbfx,y\n1,"a,b\nc"\n2,3\n') == (2, 2)
    assert read_shape("a.tsv", b"x\ty\n") == (0, 2)
    assert read_shape("a.csv", b"") == (0, 0)
    assert read_shape("a.csv", b"\xff\xfe\x00") is None
    assert read_shape("a.txt", b"x") is None


# -- while it runs ------------------------------------------------------------------------------------------------


class Paper:
    """A sticky comment that keeps what is written."""

    def __init__(self, *, gate: threading.Event | None = None, fails: bool = False) -> None:
        self.texts: list[str] = []
        self.states: list[str] = []
        self._gate = gate
        self._fails = fails

    def find(self) -> None:
        return None

    def write(self, text: str, turn: Turn, data: dict[str, Any]) -> int:
        if self._fails:
            raise RuntimeError("as a test wants it")
        if self._gate is not None:
            self._gate.wait(60)
        self.texts.append(text)
        self.states.append(data["state"])
        return 7


def comment_on(paper: Paper, **options: Any) -> RunComment:
    first = CommentState(state="queued", sha="a" * 40)
    return RunComment(paper, Turn(run=1, attempt=1), first, LiveOptions(**options))  # type: ignore[arg-type]


def test_a_change_of_state_is_written_and_the_end_last() -> None:
    paper = Paper()
    live = comment_on(paper, min_interval_s=0.0, log_lines=2)
    until(lambda: paper.states == ["queued"])
    live.take(RunStarted(run_id="r-1", project="p", region="r", account="a", backend="ec2"))
    live.take(LaneStarted(lane="image", text="x"))
    until(lambda: paper.states[-1] == "building")
    live.take(StatusChanged(status="RUNNING"))
    until(lambda: paper.states[-1] == "running")
    live.take(StatusChanged(status="PROVISIONING"))
    live.take(LaneStarted(lane="image", text="another attempt"))
    for number in range(5):
        live.take(LogLine(timestamp_ms=0, text=f"line {number}"))
    assert live.finish(lambda state: replace(state, state="succeeded", cost_usd=Decimal(1))) == 7
    assert paper.states == ["queued", "building", "running", "succeeded"]
    assert "line 4" in paper.texts[-1]
    assert "line 2" not in paper.texts[-1]
    assert "r-1" in paper.texts[-1]


def test_states_that_follow_soon_are_one_write() -> None:
    paper = Paper()
    live = comment_on(paper, min_interval_s=3600.0)
    until(lambda: paper.states == ["queued"])
    live.take(LaneStarted(lane="image", text="x"))
    live.take(StatusChanged(status="RUNNING"))
    live.finish(lambda state: replace(state, state="failed"))
    assert paper.states == ["queued", "failed"]


def test_github_that_fails_or_hangs_is_never_the_runs_trouble() -> None:
    broken = comment_on(Paper(fails=True), min_interval_s=0.0)
    assert broken.finish(lambda state: replace(state, state="succeeded")) is None
    gate = threading.Event()
    slow = comment_on(Paper(gate=gate), min_interval_s=0.0)
    for _ in range(1000):
        slow.take(StatusChanged(status="RUNNING"))
    gate.set()
    assert slow.finish(lambda state: replace(state, state="succeeded")) == 7
