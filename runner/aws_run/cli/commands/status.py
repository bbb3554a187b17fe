"""`aws-run status`: one run, as its record and ECS show it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.results_next import why_command
from aws_run.cli.session import session
from aws_run.cli.types import RUN

if TYPE_CHECKING:
    from aws_run.lifecycle.run_status import RunStatus


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option("--utc", is_flag=True, help="Times in UTC, and not in this machine's time zone.")
@project_options
@aws_options
def status(run: str | None, *, utc: bool, **flags: Any) -> int:
    """Show RUN (default: the last one).

    If it has ended while no client was watching, its result is recorded and its resources are removed.
    """
    from aws_run.report.tables import table
    from aws_run.usecases.status import status as run_status

    with session(flags) as here:
        current = run_status(here.context, run, here.project)
        if here.as_json:
            here.print_json(as_data(current, label=here.target.cost_label))
        else:
            table(current.record.run_id, ("what", "value"), rows_of(current, utc=utc, label=here.target.cost_label))
            follow = " -f" if current.exit_code is None else ""
            here.say_next(f"{why_command(current.record)}{follow}")
    return 0


def as_data(status: RunStatus, *, label: str) -> dict[str, Any]:
    """The record whole, with its current attempt and what ECS says now. `label`: what its costs are."""
    from aws_run.lifecycle.receipt_views import receipt_view
    from aws_run.report.jsonlines import to_data

    record = status.record
    current = {name: getattr(record, name) for name in ("attempt", "task_arn", "started_at", "cluster")}
    return {
        **record.to_json(),
        **current,
        "phase": status.phase,
        "exit_code": status.exit_code,
        "sentence": status.sentence,
        "warnings": list(status.warnings),
        "receipt_view": None if (receipt := receipt_view(record, label=label)) is None else to_data(receipt),
        "so_far": None if status.so_far is None else to_data(status.so_far),
    }


def spent_of(run: RunStatus) -> str:
    """The cost of a run that is over, or what one that goes on has cost about so far."""
    from aws_run.report.format import money

    if run.record.usd is not None:
        return money(run.record.usd)
    spent = run.so_far.cost_usd if run.so_far else None
    return "" if spent is None else money(spent)


def cost_of(run: RunStatus, *, label: str) -> str:
    spent = spent_of(run)
    if not spent:
        return ""
    so_far = "" if run.record.cost_usd else " so far"
    return f"{spent}{so_far}{'' if label == 'cost' else f' ({label})'}"


def money_rows(run: RunStatus, *, label: str) -> list[tuple[str, str]]:
    from aws_run.lifecycle.receipt_views import estimate_view, receipt_view, use_view
    from aws_run.report.money import by_earlier_runs, percent, use_line
    from aws_run.report.text import receipt_footer

    record = run.record
    receipt = receipt_view(record, label=label)
    estimate, use = (receipt.estimate, receipt.use) if receipt else (estimate_view(record), use_view(record))
    rows = []
    if estimate is not None:
        error = estimate.error_percent
        told = "" if error is None else f"; it cost {percent(error)}"
        rows.append(("estimate", f"{by_earlier_runs(estimate)}{told}"))
    if use is not None and (line := use_line(use)):
        rows.append(("used", line))
    if receipt is not None:
        rows.append(("receipt", receipt_footer(receipt)[-1]))
    return rows


def times_of(run: RunStatus) -> str:
    """How long a run that goes on has been billed, and how much longer it may take."""
    from aws_run.report.format import seconds

    if run.so_far is None:
        return ""
    return f"{seconds(run.so_far.elapsed_s)}, {seconds(run.so_far.left_s)} left"


def zoned(moment: str | None, *, utc: bool) -> str:
    """2026-01-31 12:00:07 CET: in this machine's time zone or in UTC. `moment`: ISO 8601; None: not yet."""
    from aws_run.clock import parse_iso

    if moment is None:
        return ""
    at = parse_iso(moment)
    return f"{at if utc else at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def ran_for(run: RunStatus) -> str:
    """How long it ran, or has run and may go on."""
    from aws_run.report.format import seconds

    return times_of(run) or ("" if run.ran_s is None else seconds(run.ran_s))


def rows_of(run: RunStatus, *, label: str, utc: bool = False) -> list[tuple[str, str]]:
    """(what, value) for all that is known of it. What `ps` and `diff` show too has the same name here."""
    from aws_run.lifecycle.what_ran import argv_of, commit_of, image_of
    from aws_run.report.format import usage_parts

    record = run.record
    existing = [
        f"{entry.kind} {entry.name}" for entry in record.resources if entry.state not in ("deleted", "intended")
    ]
    bucket = record.bucket
    rows: list[tuple[str, str]] = [
        ("status", run.phase + (f": {run.sentence}" if run.sentence else "")),
        *(("warning", text) for text in run.warnings),
        ("exit code", "" if run.exit_code is None else str(run.exit_code)),
        ("command", shlex.join(argv_of(record))),
        ("commit", commit_of(record)),
        ("image", image_of(record)),
        ("python", record.python or ""),
        ("labels", ", ".join(record.labels)),
        ("note", record.note),
        ("hardware", record.hardware.description if record.hardware else ""),
        ("created", zoned(record.created_at, utc=utc)),
        ("started", zoned(record.started_at, utc=utc)),
        ("stopped", zoned(record.ended_at, utc=utc)),
        ("ran", ran_for(run)),
        ("deadline", zoned(record.deadline, utc=utc) if run.exit_code is None else ""),
        ("outputs", f"s3://{bucket}/{record.output_prefix}"),
        ("cost", cost_of(run, label=label)),
        *money_rows(run, label=label),
        ("uses now", ", ".join(usage_parts(run.so_far.usage)) if run.so_far and run.so_far.usage else ""),
        *(("progress", text) for text in (run.so_far.progress if run.so_far else ())),
        ("in AWS now", ", ".join(existing) or "no resources of its own"),
    ]
    return [row for row in rows if row[1]]
