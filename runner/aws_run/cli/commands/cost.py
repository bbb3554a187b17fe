"""`aws-run cost`."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.commands.cost_billed import show_billed
from aws_run.cli.completions import complete_projects
from aws_run.cli.csv_output import write_csv
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import Session, session
from aws_run.cli.types import RUN, TEXT
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.runs.record import Record
    from aws_run.usecases.cost import CostRow, Costs

_WIDTH = 80
_SHORTEST_BAR, _MOST_NAMED = 8, 5


@click.command()
@click.argument("run", required=False, type=RUN)
@project_options
@click.option(
    "--project", metavar="NAME", type=TEXT, shell_complete=complete_projects,
    help="Sum the runs of this project.  [default: this folder's]",
)  # fmt: skip
@click.option("-a", "--all", "everything", is_flag=True, help="Sum the runs of all projects, not only this folder's.")
@click.option("--since", metavar="TIME", help="Only runs that began within this time: 30d, 12h.")
@click.option(
    "--by",
    metavar="NAMES",
    default="day",
    help="Sum by run, project, day, month, owner, backend, hardware or market; several with commas.  [default: day]",
)
@click.option(
    "--billed",
    is_flag=True,
    help="Ask Cost Explorer what AWS has billed: $0.01, once a day for all runs.  It knows a run about a day after its "
    "day, and has to be allowed to tell costs by resource.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout.")
@aws_options
def cost(
    *,
    run: str | None,
    project: str | None,
    everything: bool,
    since: str | None,
    by: str,
    billed: bool,
    as_csv: bool,
    **flags: Any,
) -> int:
    """Show what RUN has cost, or sum the runs of a project. From their receipts, which leave out what each of them
    says."""
    from aws_run.config import units
    from aws_run.usecases import cost as costs

    names = tuple(name.strip() for name in by.split(","))
    wrong = [name for name in names if name not in costs.GROUPS]
    if wrong:
        raise UsageError(f"--by: there is no {wrong[0]!r} to sum by", hint=f"use {', '.join(costs.GROUPS)}")
    if as_csv and flags["as_json"]:
        raise UsageError("--csv and --json are two forms of one result", hint="leave one out")
    if run is not None and (everything or project or since):
        raise UsageError("RUN is one run; --all, --project and --since are for sums of several", hint="leave one out")
    if everything and project:
        raise UsageError("--all sums the runs of all projects, --project of one", hint="leave one out")
    try:
        since_s = None if since is None else units.duration_s(since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    with session(flags) as here:
        if run is not None:
            record = costs.cost_of(here.context, run, here.project)
            if billed:
                return show_billed(here, (record,), as_csv=as_csv)
            return _one(here, record, as_csv=as_csv)
        whose = None if everything else project or here.project
        report = costs.costs(here.context, project=whose, since_s=since_s, by=names)
        if billed:
            show_billed(here, report.records, as_csv=as_csv)
        elif as_csv:
            write_csv((*names, *_COLUMNS), [(*row.key, *_values(row).values()) for row in report.rows])
        elif here.as_json:
            here.print_json(as_data(report, names, label=here.target.cost_label))
        else:
            _print_table(report, names, label=here.target.cost_label)
        if not here.as_json:
            _name_unpriced(report)
    return 0


_COLUMNS = ("runs", "usd", "saved_usd", "estimated_usd", "of_estimated_usd", "runs_without_cost")


def _one(here: Session, record: Record, *, as_csv: bool) -> int:
    from aws_run.cli.say import say
    from aws_run.hints import command
    from aws_run.lifecycle.receipt_views import receipt_view
    from aws_run.lifecycle.what_ran import ran_fields
    from aws_run.report import calm
    from aws_run.report.format import adding_up, unit_price
    from aws_run.report.jsonlines import to_data
    from aws_run.report.tables import table
    from aws_run.report.text import receipt_footer
    from aws_run.report.views import OutcomeView
    from aws_run.usecases.cost import why_unpriced

    receipt = record.receipt
    if receipt is None:
        raise UsageError(
            f"{record.run_id} has no receipt: {why_unpriced(record)}", hint=command("status", record.run_id)
        )
    view = receipt_view(record, label=here.target.cost_label)
    columns = ("what", "billed_s", "usd_per_hour", "usd", "source", "as_of")
    rows = [(x.what, x.billed_s, x.usd_per_hour or "", x.usd or "", x.source, x.as_of) for x in receipt.lines]
    if as_csv:
        write_csv(columns, rows)
        return 0
    if here.as_json:
        here.print_json(
            {
                "run_id": record.run_id,
                **ran_fields(record),
                "lines": [dict(zip(columns, row, strict=True)) for row in rows],
                "total_usd": receipt.total_usd,
                "label": here.target.cost_label,
                "saved_usd": receipt.saved_usd,
                "estimate": to_data(view.estimate) if view is not None else None,
                "use": to_data(view.use) if view is not None else None,
                "left_out": list(view.left_out) if view is not None else [],
            }
        )
        return 0
    known = [Decimal(line.usd) for line in receipt.lines if line.usd is not None]
    amounts, total = adding_up(known, None if view is None else view.total_usd)
    each = iter(amounts)
    shown = [
        (
            line.what,
            f"{Decimal(line.billed_s):.0f} s",
            None if line.usd_per_hour is None else unit_price(Decimal(line.usd_per_hour)),
            None if line.usd is None else next(each),
            f"{line.source}, {line.as_of}" if line.source else None,
        )
        for line in receipt.lines
    ]
    table(record.run_id, ("what", "billed", "$/h", "cost", "price of"), shown)
    if ran := calm.ran(OutcomeView(run_id=record.run_id, exit_code=None, status="", **ran_fields(record))):
        say(f"ran: {ran}")
    if view is None:
        say(f"total: not known: {why_unpriced(record)}")
        return 0
    say(f"total: {total}{_beside(here.target.cost_label)}")
    for line in receipt_footer(view):
        say(line)
    return 0


def _beside(label: str) -> str:
    """What a sum is, where it is not simply the cost."""
    return "" if label == "cost" else f" ({label})"


def _print_table(report: Costs, names: tuple[str, ...], *, label: str) -> None:
    from aws_run.cli.say import say
    from aws_run.report.format import adding_up, count, money
    from aws_run.report.money import bar, percent
    from aws_run.report.symbols import ASCII, symbols_for
    from aws_run.report.tables import table
    from aws_run.usecases.cost import error_percent

    amounts, total = adding_up([row.usd for row in report.rows])
    cells = [[*row.key, str(row.runs), amount] for row, amount in zip(report.rows, amounts, strict=True)]
    columns = (*names, "runs", "cost")
    taken = sum(max((len(line[place]) for line in (columns, *cells)), default=0) + 2 for place in range(len(columns)))
    most = max((row.usd for row in report.rows), default=Decimal(0))
    plain = symbols_for(sys.stdout) is ASCII
    width = max(_SHORTEST_BAR, _WIDTH - taken - 2)
    rows = [(*line, bar(row.usd, most, width, plain=plain)) for line, row in zip(cells, report.rows, strict=True)]
    table("", (*columns, ""), rows)
    priced = sum(row.runs - row.unpriced for row in report.rows)
    saved = f"; spot saved {money(report.saved_usd)}" if report.saved_usd > 0 else ""
    say(f"total: {total} for {count(priced, 'run')}{saved}{_beside(label)}")
    expected = sum((row.estimated_usd for row in report.rows), Decimal(0))
    actual = sum((row.of_estimated_usd for row in report.rows), Decimal(0))
    error = error_percent(expected, actual)
    if error is not None:
        say(f"those with an estimate cost {money(actual)}, where {money(expected)} was expected: {percent(error)}")


def _name_unpriced(report: Costs) -> None:
    from aws_run.cli.say import say
    from aws_run.report.format import count

    if not report.unpriced:
        return
    named = "; ".join(f"{one.run_id} ({one.why})" for one in report.unpriced[:_MOST_NAMED])
    left = len(report.unpriced) - _MOST_NAMED
    more = f"; and {left} more, which --json names" if left > 0 else ""
    say(f"without {count(len(report.unpriced), 'run')} whose cost is not known: {named}{more}")


def as_data(report: Costs, names: tuple[str, ...], *, label: str) -> dict[str, Any]:
    return {
        "by": list(names),
        "rows": [{**dict(zip(names, row.key, strict=True)), **_values(row)} for row in report.rows],
        "label": label,
        "total_usd": f"{report.total_usd:.6f}",
        "saved_usd": f"{report.saved_usd:.6f}",
        "runs": report.runs,
        "runs_without_cost": len(report.unpriced),
        "without_cost": [{"run_id": one.run_id, "why": one.why} for one in report.unpriced],
    }


def _values(row: CostRow) -> dict[str, str | int]:
    """By _COLUMNS, in their order."""
    return dict(
        zip(
            _COLUMNS,
            (
                row.runs,
                f"{row.usd:.6f}",
                f"{row.saved_usd:.6f}",
                f"{row.estimated_usd:.6f}",
                f"{row.of_estimated_usd:.6f}",
                row.unpriced,
            ),
            strict=True,
        )
    )
