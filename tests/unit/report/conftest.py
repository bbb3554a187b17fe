from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.fakes import FakeClock

from aws_run.report.views import (
    EstimateView,
    ImageContent,
    LaneView,
    LeftRow,
    LeftView,
    OutcomeView,
    PlanInput,
    PlanPrice,
    PlanRow,
    PlanView,
    ReceiptLine,
    ReceiptView,
)

RUN = "segment-20261121-041500-ab12"
OWN = f"arun-{RUN}"
BUCKET = "arun-123456789012-eu-central-1-an"

PLAN = PlanView(
    run_id=RUN,
    project="segment",
    backend="ec2",
    region="eu-central-1",
    account="123456789012",
    lanes=(
        LaneView(
            lane="capacity",
            rows=(
                PlanRow(action="reuse", kind="bucket", name=BUCKET, scope="kept"),
                PlanRow(action="create", kind="group", name=OWN, scope="run", note="1 x g6.xlarge, spot"),
                PlanRow(action="create", kind="task-role", name=f"{OWN}-task", scope="run"),
            ),
        ),
        LaneView(lane="image", rows=(PlanRow(action="build", kind="image", name="arun/segment:9f8a"),)),
        LaneView(lane="input", rows=(PlanRow(action="send", kind="folder", name="data [bold]x", note="2 files"),)),
    ),
    argv=("python", "main.py", "--epochs", "3", "-i", "INPUT", "-o", "OUTPUT"),
    python="3.12",
    content=ImageContent(files=12, bytes=5 << 20, largest=(("model/", 4 << 20), ("src/", 1 << 20))),
    inputs=(PlanInput(name=None, place="data [bold]x", files=2, bytes=2048, how="sent, as far as it changed"),),
    output=Path("/home/me/out"),
    price=PlanPrice(per_hour=Decimal("0.34"), at_most=Decimal("0.68"), timeout_s=7200),
    estimate=("about $0.34 an hour",),
    notes=("spot prices of 2026-11-20",),
)
RECEIPT = ReceiptView(
    lines=(
        ReceiptLine(
            what="g6.xlarge spot",
            quantity=Decimal("0.0533"),
            unit="h",
            unit_price_usd=Decimal("0.3402"),
            amount_usd=Decimal("0.01813"),
        ),
        ReceiptLine(
            what="gp3 100 GB",
            quantity=Decimal("5.330"),
            unit="GB-h",
            unit_price_usd=Decimal("0.000111"),
            amount_usd=Decimal("0.00059"),
        ),
    ),
    total_usd=Decimal("0.01872"),
    priced_on=date(2026, 11, 1),
    left_out=("data transfer", "tax"),
    estimate=EstimateView(
        usd=Decimal("0.016"),
        low_usd=Decimal("0.015"),
        high_usd=Decimal("0.02"),
        runs=5,
        error_percent=Decimal("17"),
    ),
)
LEFT = LeftView(
    rows=(
        LeftRow(kind="bucket", name=BUCKET, where="https://eu-central-1.console.aws.amazon.com/s3"),
        LeftRow(kind="group", name=OWN, state="failed", why="ResourceInUse"),
    )
)
OUTCOME = OutcomeView(
    run_id=RUN,
    exit_code=7,
    status="the job ended with exit code 7",
    reason="exit",
    seconds=192.4,
    output_dir=Path("/home/me/out"),
    s3_uri=f"s3://{BUCKET}/runs/{RUN}/output/",
    console_url="https://eu-central-1.console.aws.amazon.com/s3",
    next_commands=(f"aws-run logs {RUN}", f"aws-run status {RUN}"),
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 21, 4, 15, tzinfo=timezone.utc))


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def written(stream: io.StringIO) -> Callable[[], list[str]]:
    """The lines written since it was asked last."""

    def lines() -> list[str]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text.splitlines()

    return lines
