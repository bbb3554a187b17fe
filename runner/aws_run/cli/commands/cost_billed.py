"""`aws-run cost --billed`: estimate, receipt and bill side by side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aws_run.cli.csv_output import write_csv
from aws_run.cli.session import Session

if TYPE_CHECKING:
    from aws_run.pricing.billed import BilledRun
    from aws_run.runs.record import Record
    from aws_run.usecases.billed import Billed

_COLUMNS = (
    "run_id", "estimate_usd", "actual_usd", "billed_usd", "credit_usd", "estimate_error_percent",
    "actual_error_percent", "note",
)  # fmt: skip
_MOST_NAMED = 5


def show_billed(here: Session, records: Sequence[Record], *, as_csv: bool) -> int:
    """The errors are those of the estimate and of the receipt against the bill."""
    from aws_run.usecases.billed import billed_costs

    bill = billed_costs(here.context, records)
    if as_csv:
        write_csv(_COLUMNS, [["" if value is None else str(value) for value in _values(one)] for one in bill.runs])
    elif here.as_json:
        here.print_json(as_data(bill))
    else:
        _print_table(bill)
    if not here.as_json:
        _say_where_from(bill)
        here.say_simulated()
    return 0


def _values(run: BilledRun) -> tuple[Any, ...]:
    return (
        run.run_id,
        _text(run.estimate_usd),
        _text(run.actual_usd),
        _text(run.billed_usd),
        _text(run.credit_usd),
        _error(run.estimate_usd, run.billed_usd),
        _error(run.actual_usd, run.billed_usd),
        _note(run),
    )


def _note(run: BilledRun) -> str:
    return run.note or (f"nothing is billed for {', '.join(run.missing)}" if run.missing else "")


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:.6f}"


def _error(expected: Decimal | None, billed: Decimal | None) -> str | None:
    """How far AWS's bill is above (+) or below (-) it, in per cent."""
    from aws_run.usecases.cost import error_percent

    error = None if expected is None or billed is None else error_percent(expected, billed)
    return None if error is None else f"{error:+.1f}"


def as_data(bill: Billed) -> dict[str, Any]:
    return {
        "runs": [{**dict(zip(_COLUMNS, _values(one), strict=True)), "missing": list(one.missing)} for one in bill.runs],
        "asked_at": bill.asked_at,
        "requests": bill.requests,
        "requests_usd": f"{_requests_usd(bill):.2f}",
        "tax_and_credits_of_no_run_usd": _text(bill.tax_usd),
        "exports": None if bill.exports is None else list(bill.exports),
        "factor": None if bill.factor is None else f"{bill.factor:f}",
        "factor_runs": bill.factor_runs,
        "complete": not bill.cut,
    }


def _requests_usd(bill: Billed) -> Decimal:
    from aws_run.pricing.billed import REQUEST_USD

    return REQUEST_USD * bill.requests


def _print_table(bill: Billed) -> None:
    from aws_run.report.format import money
    from aws_run.report.tables import table

    def cell(usd: Decimal | None) -> str:
        return "-" if usd is None else money(usd)

    def beside(expected: Decimal | None, billed: Decimal | None) -> str:
        """With how far the bill is from it: a column of its own has no room at 80."""
        error = _error(expected, billed)
        return cell(expected) if error is None else f"{cell(expected)}, {error} %"

    rows = [
        (
            one.run_id,
            cell(one.billed_usd),
            beside(one.estimate_usd, one.billed_usd),
            beside(one.actual_usd, one.billed_usd),
        )
        for one in bill.runs
    ]
    table("", ("run", "billed", "estimate, off by", "receipt, off by"), rows)


def _say_where_from(bill: Billed) -> None:
    from aws_run.cli.say import say
    from aws_run.report.format import count, money

    say("off by: how far the bill is above (+) or below (-) the estimate, and the receipt")
    noted = [f"{one.run_id}: {_note(one)}" for one in bill.runs if _note(one)]
    for text in noted[:_MOST_NAMED]:
        say(text)
    if len(noted) > _MOST_NAMED:
        say(f"{len(noted) - _MOST_NAMED} more runs are not billed whole: --json says why")
    if bill.requests:
        say(f"asked Cost Explorer: {count(bill.requests, 'request')}, {money(_requests_usd(bill))}; kept for today")
    else:
        say(f"as Cost Explorer told at {bill.asked_at}, which is kept for the day: no request")
    if bill.cut:
        say("the account has more lines than were read, so a part of what is billed is missing")
    credit = sum((one.credit_usd for one in bill.runs), Decimal(0))
    say(f"billed is without tax and credits: credits of these runs {money(credit)}, of no run {money(bill.tax_usd)}")
    if bill.factor is not None:
        runs = count(bill.factor_runs, "run")
        say(f"AWS bills {bill.factor} times what receipts say (median of {runs}); later estimates are corrected by it")
    if bill.exports:
        say(f"the export {', '.join(bill.exports)} (CUR 2.0, in S3) has every line, by line_item_resource_id")
    elif bill.exports is None:
        say("whether there is an export of CUR 2.0 could not be read (bcm-data-exports:ListExports)")
