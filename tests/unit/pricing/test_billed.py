"""Cost Explorer's lines by resource, put beside receipts: what is counted, what is missing, what is corrected by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import FakeAccount, FakeAws, record, refused

from aws_run.aws.cache import MemoryCache
from aws_run.errors import AwsRunError
from aws_run.pricing.billed import BilledRun, BillRow, billed_runs, factor_of, tax_usd
from aws_run.runs.record import Receipt, ReceiptLine, Record
from aws_run.usecases.billed import billed_costs

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(5)]


def line(what: str, *resources: str) -> ReceiptLine:
    return ReceiptLine(what=what, seconds="3600", billed_s="3600", usd="0.1", resources=resources)


def run(*lines: ReceiptLine, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "state": "removed", "stopped_at": "2026-01-02T04:04:05Z", "cost_usd": "0.20", "receipt": Receipt(lines=lines),
    }  # fmt: skip
    return record(**{**values, **changes})


MACHINE = run(line("m7i.large", "i-1"), line("40 GB gp3 disk", "vol-1"), line("public IPv4 address", "eni-1"))


def row(resource: str, usd: str, kind: str = "Usage", day: int = 2) -> BillRow:
    return BillRow(day=date(2026, 1, day), resource=resource, kind=kind, usd=Decimal(usd))


def one(record: Record, *rows: BillRow, now: datetime = NOW) -> BilledRun:
    return billed_runs((record,), rows, days=DAYS, now=now)[0]


def test_all_lines_of_a_runs_resources_are_added_whatever_their_service_calls_them() -> None:
    found = one(
        MACHINE,
        row("i-1", "0.10"),
        row("i-1", "0.01", day=3),
        row("vol-1", "0.02"),
        row("arn:aws:ec2:us-east-1:123456789012:network-interface/eni-1", "0.005"),
        row("i-2", "7"),
    )
    assert (found.billed_usd, found.missing, found.note) == (Decimal("0.135"), (), "")


def test_tax_and_credits_are_beside_the_bill_and_discounted_usage_is_in_it() -> None:
    rows = [
        row("i-1", "0.10", "DiscountedUsage"),
        row("i-1", "-0.03", "Credit"),
        row("vol-1", "0.01"),
        row("eni-1", "0.01"),
        row("NoResourceId", "0.02", "Tax"),
        row("NoResourceId", "0.9"),
    ]
    found = one(MACHINE, *rows)
    assert (found.billed_usd, found.credit_usd) == (Decimal("0.12"), Decimal("-0.03"))
    assert tax_usd(rows) == Decimal("0.02")


def test_a_line_of_the_receipt_that_is_not_billed_is_named() -> None:
    assert one(MACHINE, row("i-1", "0.10"), row("vol-1", "0.02")).missing == ("public IPv4 address",)


@pytest.mark.parametrize(
    ("record", "now", "note"),
    [
        (MACHINE, datetime(2026, 1, 3, 23, tzinfo=timezone.utc), "its bill comes after 2026-01-04 00:00 UTC"),
        (run(line("m7i.large")), NOW, "names no resource"),
        (run(receipt=None, stopped_at=None, state="running", cost_usd=None), NOW, "no receipt yet"),
        (MACHINE, NOW, "nothing is billed under its resources"),
    ],
)
def test_what_is_not_known_is_none_with_its_reason_and_never_zero(record: Record, now: datetime, note: str) -> None:
    found = one(record, row("i-9", "1"), now=now)
    assert found.billed_usd is None
    assert note in found.note


def test_a_run_before_the_days_that_are_told_of_is_not_known() -> None:
    found = billed_runs((MACHINE,), (row("i-1", "1"),), days=DAYS[3:], now=NOW)[0]
    assert found.billed_usd is None
    assert "it is older" in found.note


def billed(actual: str, usd: str, missing: tuple[str, ...] = ()) -> BilledRun:
    return BilledRun(
        run_id="x", estimate_usd=None, actual_usd=Decimal(actual), billed_usd=Decimal(usd), missing=missing
    )


def test_the_factor_is_the_median_over_runs_that_are_billed_whole() -> None:
    runs = [billed("1", "1.1"), billed("1", "1.2"), billed("2", "2.6"), billed("1", "9", ("a disk",))]
    assert factor_of(runs) == (Decimal("1.200"), 3)
    assert factor_of(runs[:2]) is None


def answer(*groups: tuple[str, str, str], token: str | None = None) -> dict[str, Any]:
    rows = [{"Keys": [r, k], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": "USD"}}} for r, k, usd in groups]
    page = {"ResultsByTime": [{"TimePeriod": {"Start": "2026-01-02", "End": "2026-01-03"}, "Groups": rows}]}
    return {**page, "NextPageToken": token} if token else page


def asked(aws: FakeAws) -> FakeAccount:
    account = FakeAccount(aws)
    kept = MemoryCache(clock=account.clock)
    account.context = replace(account.context, cache=lambda: kept)
    return account


def test_the_answer_is_kept_for_the_day_with_the_days_that_are_no_longer_told() -> None:
    aws = FakeAws().on(
        "get_cost_and_usage_with_resources",
        answer(("i-1", "Usage", "0.10"), token="2"),
        answer(("vol-1", "Usage", "0.02")),
        {"ResultsByTime": []},
    )
    account = asked(aws)
    first = billed_costs(account.context, ())
    assert (first.requests, first.cut) == (2, False)
    assert billed_costs(account.context, ()).requests == 0
    assert len(aws.sent("get_cost_and_usage_with_resources")) == 2
    account.clock.sleep(20 * 86_400)
    later = billed_costs(account.context, (MACHINE,))
    assert later.requests == 1
    assert later.runs[0].billed_usd == Decimal("0.12"), "the kept days are forgotten"


def test_an_account_of_endless_pages_is_read_in_part_and_says_so() -> None:
    account = asked(FakeAws().on("get_cost_and_usage_with_resources", answer(token="more")))
    found = billed_costs(account.context, ())
    assert (found.requests, found.cut) == (20, True)


@pytest.mark.parametrize(
    ("code", "text"), [("DataUnavailableException", "no costs by resource"), ("AccessDeniedException", "could not be")]
)
def test_a_refusal_says_what_to_switch_on(code: str, text: str) -> None:
    account = asked(FakeAws().on("get_cost_and_usage_with_resources", refused(code)))
    with pytest.raises(AwsRunError, match=text) as error:
        billed_costs(account.context, ())
    assert error.value.hint


def test_exports_that_may_not_be_listed_are_unknown_and_not_none() -> None:
    aws = FakeAws().on("get_cost_and_usage_with_resources", answer()).on("list_exports", refused("AccessDenied"))
    assert billed_costs(asked(aws).context, ()).exports is None
    named = (
        FakeAws()
        .on("get_cost_and_usage_with_resources", answer())
        .on("list_exports", {"Exports": [{"ExportName": "cur"}]})
    )
    assert billed_costs(asked(named).context, ()).exports == ("cur",)
