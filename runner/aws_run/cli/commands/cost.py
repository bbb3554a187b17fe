"""`aws-run cost`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import Session, session
from aws_run.cli.types import TEXT
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.runs.record import Record
    from aws_run.usecases.cost import CostRow

_BAR = 30  # characters of the longest bar


@click.command()
@click.argument("run", required=False, type=TEXT)
@project_options
@click.option("-a", "--all", "everything", is_flag=True, help="Sum the runs of all projects, not only this folder's.")
@click.option("--since", metavar="TIME", help="Only runs that began within this time: 30d, 12h.")
@click.option(
    "--by",
    metavar="NAMES",
    default="day",
    help="Sum by run, project, day, month, owner, backend, hardware or market; several with commas.  [default: day]",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout.")
@aws_options
def cost(run: str | None, everything: bool, since: str | None, by: str, as_csv: bool, **flags: Any) -> int:
    """Show what RUN has cost, or sum this project's runs. From their receipts, which leave out what each of them
    says."""
    from aws_run.config import units
    from aws_run.usecases import cost as costs

    names = tuple(name.strip() for name in by.split(","))
    wrong = [name for name in names if name not in costs.GROUPS]
    if wrong:
        raise UsageError(f"--by: there is no {wrong[0]!r} to sum by", hint=f"use {', '.join(costs.GROUPS)}")
    if as_csv and flags["as_json"]:
        raise UsageError("--csv and --json are two forms of one result", hint="leave one out")
    try:
        since_s = None if since is None else units.duration_s(since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    with session(flags) as here:
        if run is not None:
            return _one(here, costs.cost_of(here.context, run, here.project), as_csv=as_csv)
        rows = costs.costs(here.context, project=None if everything else here.project, since_s=since_s, by=names)
        if as_csv:
            _write_csv((*names, "runs", "usd", "saved_usd", "runs_without_cost"), [_values(row) for row in rows])
        elif here.as_json:
            here.print_json({"by": list(names), "rows": [_as_data(row, names) for row in rows], **_totals(rows)})
        else:
            _print_table(rows, names)
    return 0


def _one(here: Session, record: Record, *, as_csv: bool) -> int:
    from aws_run.cli.say import say
    from aws_run.pricing.receipt import LEFT_OUT
    from aws_run.report.tables import table

    receipt = record.receipt
    if receipt is None:
        raise UsageError(
            f"{record.run_id} has no receipt: it has not ended, or an older version of the tool has ended it",
            hint=f"aws-run status {record.run_id}",
        )
    columns = ("what", "billed_s", "usd_per_hour", "usd", "source", "as_of")
    rows = [(x.what, x.billed_s, x.usd_per_hour or "", x.usd or "", x.source, x.as_of) for x in receipt.lines]
    if as_csv:
        _write_csv(columns, rows)
    elif here.as_json:
        here.print_json(
            {
                "run_id": record.run_id,
                "lines": [dict(zip(columns, row, strict=True)) for row in rows],
                "total_usd": receipt.total_usd,
                "saved_usd": receipt.saved_usd,
                "left_out": list(LEFT_OUT),
            }
        )
    else:
        table(record.run_id, columns, rows)
        total = "not known: a price is missing" if receipt.total_usd is None else f"${float(receipt.total_usd):.4f}"
        say(f"total: {total}")
        if receipt.saved_usd is not None and float(receipt.saved_usd) > 0:
            say(f"spot saved ${float(receipt.saved_usd):.4f} against on-demand")
        say(f"not included: {', '.join(LEFT_OUT)}")
    return 0


def _print_table(rows: tuple[CostRow, ...], names: tuple[str, ...]) -> None:
    from aws_run.cli.say import say
    from aws_run.report.format import money
    from aws_run.report.tables import table

    most = max((row.usd for row in rows), default=Decimal(0))
    bars = ["#" * (round(_BAR * row.usd / most) if most else 0) for row in rows]
    cells: list[list[str | int]] = [
        [*row.key, row.runs, money(row.usd), bar] for row, bar in zip(rows, bars, strict=True)
    ]
    table("", (*names, "runs", "cost", ""), cells)
    totals = _totals(rows)
    say(f"total: {money(Decimal(totals['total_usd']))}")
    if totals["runs_without_cost"]:
        say(f"the cost of {totals['runs_without_cost']} of these runs is not known, so the sum is without them")


def _values(row: CostRow) -> tuple[str | int, ...]:
    return (*row.key, row.runs, f"{row.usd:.6f}", f"{row.saved_usd:.6f}", row.unknown)


def _as_data(row: CostRow, names: tuple[str, ...]) -> dict[str, Any]:
    values = dict(zip(names, row.key, strict=True))
    return {**values, "runs": row.runs, "usd": f"{row.usd:.6f}", "saved_usd": f"{row.saved_usd:.6f}",
            "runs_without_cost": row.unknown}  # fmt: skip


def _totals(rows: tuple[CostRow, ...]) -> dict[str, Any]:
    return {
        "total_usd": f"{sum((row.usd for row in rows), Decimal(0)):.6f}",
        "saved_usd": f"{sum((row.saved_usd for row in rows), Decimal(0)):.6f}",
        "runs": sum(row.runs for row in rows),
        "runs_without_cost": sum(row.unknown for row in rows),
    }


def _write_csv(columns: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_harmless_cell(value) for value in row] for row in rows])


def _harmless_cell(value: str | int) -> str | int:
    """A spreadsheet takes a cell that begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
