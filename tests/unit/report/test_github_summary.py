"""The page that a step leaves behind, against files that were looked at in a browser, in light and dark.

`AWS_RUN_TEST_WRITE_GOLDEN=1 pytest tests/unit/report/test_github_summary.py` writes them again.
"""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.github.comment_samples import CHANGES
from tests.unit.fakes import FakeClock

from aws_run.data import OutputListing
from aws_run.errors import BuildError, InterruptedRunError, TeardownError
from aws_run.events import (
    LaneDone,
    LaneFailed,
    LaneStarted,
    LogLine,
    OutputProgress,
    StatusChanged,
    TeardownStep,
)
from aws_run.github.comments.changes import changes_section
from aws_run.report.github_summary import SummaryRecorder, SummaryView, render_summary
from aws_run.report.timeline import Timeline, timeline_lines
from aws_run.report.views import (
    LaneView,
    LeftRow,
    LeftView,
    OutcomeView,
    PlanRow,
    PlanView,
    ReceiptLine,
    ReceiptView,
)

GOLDEN = Path(__file__).with_name("golden")
RUN = "segment-20260301-120000-ab12"
PLAN = PlanView(
    run_id=RUN,
    project="segment",
    backend="ec2: g6.xlarge (4 vCPU, 16 GB, 1 L4)",
    region="eu-central-1",
    account="111122223333",
    lanes=(
        LaneView(
            lane="capacity",
            rows=(
                PlanRow(action="reuse", kind="bucket", name="arun-111122223333-eu-central-1-an", scope="kept"),
                PlanRow(action="create", kind="group", name=f"arun-{RUN}", scope="run"),
            ),
        ),
        LaneView(
            lane="image",
            rows=(PlanRow(action="build", kind="image", name="arun/segment:0123456789ab", note="12 files"),),
        ),
        LaneView(lane="input", rows=(PlanRow(action="send", kind="input", name="data", note="340 files, 1.2 GiB"),)),
    ),
    estimate=("estimate: $0.8048 an hour, at most $1.6500 if it runs to its timeout of 2h 00m, its end included",),
    notes=("command: python main.py", "dependencies: requirements.txt"),
)
RECEIPT = ReceiptView(
    lines=(
        ReceiptLine(
            what="g6.xlarge",
            quantity=Decimal("0.31"),
            unit="h",
            unit_price_usd=Decimal("0.8048"),
            amount_usd=Decimal("0.2495"),
        ),
        ReceiptLine(
            what="EBS gp3 40 GB",
            quantity=Decimal("0.31"),
            unit="h",
            unit_price_usd=Decimal("0.0044"),
            amount_usd=Decimal("0.0014"),
        ),
    ),
    total_usd=Decimal("0.2509"),
    priced_on=date(2025, 6, 1),
    left_out=("data transfer out of AWS", "tax and discounts"),
)
OUTPUTS = OutputListing(
    files=4, bytes=5_300_000,
    first=(("masks/a|b.npy", 4_000_000), ("metrics.json", 812), ("plots/loss.png", 41_000), ("plots/Übersicht [1].svg", 9_000)),
)  # fmt: skip


def recorder() -> SummaryRecorder:
    """Three lanes, a job of a quarter of an hour, and the teardown."""
    clock = FakeClock()
    record = SummaryRecorder(clock)
    record.take_plan(PLAN)

    def at(second: float, *events: object) -> None:
        clock.elapsed_s = second
        for event in events:
            record.take(event)

    at(0, *(LaneStarted(lane=lane, text="…") for lane in ("capacity", "image", "input")))
    at(3, LaneDone(lane="input", text="340 files, nothing changed", seconds=3, skipped=True))
    at(95, LaneDone(lane="capacity", text="g6.xlarge joined", seconds=95))
    at(140, LaneDone(lane="image", text="built and pushed", seconds=140))
    at(142, StatusChanged(status="PROVISIONING"))
    at(160, StatusChanged(status="RUNNING"))
    for epoch in range(40):
        at(170 + epoch * 20, LogLine(timestamp_ms=0, text=f"epoch {epoch}: loss {1 / (epoch + 1):.3f}"))
    at(1050, StatusChanged(status="STOPPED"))
    at(1052, StatusChanged(status="fetching"), TeardownStep(kind="group", name="g", state="removing"))
    at(1060, OutputProgress(files=4, bytes=5_300_000, total_files=4, total_bytes=5_300_000))
    at(1085, TeardownStep(kind="group", name="g", state="gone"))
    return record


def view(record: SummaryRecorder, **more: object) -> SummaryView:
    timeline = record.timeline
    return SummaryView(plan=record.plan, steps=timeline.steps, now_s=timeline.now_s, log=record.log, **more)


def succeeded() -> SummaryView:
    outcome = OutcomeView(
        run_id=RUN, exit_code=0, status="finished", seconds=890.0, s3_uri=f"s3://arun-111122223333-eu-central-1-an/runs/{RUN}/output/",
        console_url="https://eu-central-1.console.aws.amazon.com/s3/buckets/b?prefix=runs/", receipt=RECEIPT, left=LeftView(rows=()),
    )  # fmt: skip
    return view(
        recorder(),
        outcome=outcome,
        image="111122223333.dkr.ecr.eu-central-1.amazonaws.com/arun/segment@sha256:" + "0f" * 32,
        logs_url="https://eu-central-1.console.aws.amazon.com/s3/object/b?prefix=runs/log.txt",
        outputs=OUTPUTS,
        file_url=lambda path: f"https://eu-central-1.console.aws.amazon.com/s3/object/b?prefix=runs/output/{len(path)}",
        changes=changes_section(CHANGES, str),
    )


def failed() -> SummaryView:
    record = recorder()
    for line in (
        "Traceback (most recent call last):",
        '  File "main.py", line 7, in <module>',
        "ValueError: ```no``` <b>such</b> @octocat | $x$",
    ):
        record.take(LogLine(timestamp_ms=0, text=line))
    outcome = OutcomeView(
        run_id=RUN,
        exit_code=1,
        status="the job ended with exit code 1",
        reason="exit",
        seconds=890.0,
        receipt=RECEIPT,
        left=LeftView(rows=(LeftRow(kind="cluster", name=f"arun-{RUN}", state="failed", why="AWS did not answer"),)),
    )
    error = TeardownError(
        "Not everything could be shown to be gone: cluster",
        commands=(f"aws ecs delete-cluster --cluster arun-{RUN}",),
        hint="the same command tries again",
    )
    return view(record, outcome=outcome, error=error)


def not_built() -> SummaryView:
    clock = FakeClock()
    record = SummaryRecorder(clock)
    record.take_plan(PLAN)
    record.take(LaneStarted(lane="capacity", text="requesting"))
    record.take(LaneStarted(lane="image", text="building"))
    clock.elapsed_s = 31
    record.take(LaneFailed(lane="image", text="the requirement nunpy does not exist"))
    error = BuildError(
        "The requirement nunpy does not exist in the package index",
        log_tail=("Because nunpy was not found in the package registry", "hint: ``` `numpy`?"),
        hint="correct its name, or set PIP_INDEX_URL or UV_INDEX to the index that has it",
    )
    return view(record, error=error)


def cancelled() -> SummaryView:
    return SummaryView(error=InterruptedRunError("Interrupted before anything was made"), cancelled=True)


VIEWS = {"succeeded": succeeded, "failed": failed, "not-built": not_built, "cancelled": cancelled}


@pytest.mark.parametrize("name", VIEWS)
def test_the_summary_is_the_one_that_was_looked_at(name: str) -> None:
    path = GOLDEN / f"summary-{name}.md"
    shown = render_summary(VIEWS[name]())
    if os.environ.get("AWS_RUN_TEST_WRITE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", VIEWS)
def test_a_summary_has_no_markup_but_ours(name: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(render_summary(VIEWS[name]()))
    assert "<b>" not in html
    assert "<script" not in html
    assert html.count("<details>") == html.count("</details>")
    for row in html.split("<tr>")[1:]:
        assert row.count("<td") in (0, 2, 3, 4, 6), row


def test_images_come_first_and_are_counted() -> None:
    text = render_summary(succeeded()).partition("#### Outputs: ")[2]
    assert text.startswith("4 files, 5.1 MiB, 2 images")
    assert text.index("loss.png") < text.index("metrics.json")


def test_many_outputs_are_named_up_to_a_bound_and_the_rest_counted() -> None:
    many = OutputListing(files=5000, bytes=1, first=tuple((f"f{number:04}", 1) for number in range(500)))
    text = render_summary(SummaryView(outputs=many))
    assert "and 4,900 more" in text
    assert "f0099" in text
    assert "f0100" not in text


def test_the_log_is_shown_of_a_run_that_failed_only() -> None:
    assert "epoch 39" in render_summary(failed())
    assert "epoch 39" not in render_summary(succeeded())


def test_bars_are_on_one_scale_and_as_long_as_their_steps() -> None:
    steps = recorder().timeline.steps
    lines = timeline_lines(steps, 1085)
    assert [line.split()[0] for line in lines] == [
        "capacity",
        "image",
        "input",
        "waiting",
        "job",
        "results",
        "teardown",
    ]
    bars = {line.split()[0]: line.split()[1] for line in lines}
    assert {len(bar) for bar in bars.values()} == {40}
    assert bars["job"].count("█") in (33, 34)
    assert bars["capacity"].startswith("█")
    assert bars["teardown"].endswith("█")


def test_a_timeline_takes_events_in_any_order() -> None:
    timeline = Timeline(FakeClock())
    assert timeline_lines(timeline.steps, timeline.now_s) == []
    timeline.take(OutputProgress(files=1, bytes=1, total_files=2, total_bytes=2))
    timeline.take(StatusChanged(status="STOPPED"))
    timeline.take(LaneDone(lane="image", text="x", seconds=5))
    timeline.take(TeardownStep(kind="k", name="n", state="failed"))
    timeline.take(TeardownStep(kind="k", name="n", state="gone"))
    assert [(step.name, step.outcome) for step in timeline.steps] == [("image", "done"), ("teardown", "failed")]
    assert all(step.began_s >= 0 for step in timeline.steps)
