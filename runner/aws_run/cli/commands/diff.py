"""`aws-run diff`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import result
from aws_run.cli.session import session
from aws_run.cli.types import RUN

if TYPE_CHECKING:
    from aws_run.runs.output_files import FileChange, OutputFile
    from aws_run.usecases.diff import RunDiff

_NAMED = 5  # outputs; all of them are in --json


@click.command()
@click.argument("one", metavar="[RUN]", required=False, type=RUN)
@click.argument("other", metavar="[RUN]", required=False, type=RUN)
@project_options
@aws_options
def diff(one: str | None, other: str | None, **flags: Any) -> int:
    """Show in what two runs differ: command and arguments, commit, image, inputs, hardware, result, time, cost, and
    which of the outputs were added, removed or changed.

    With one RUN the project's newest is the other one, or the one before it where RUN is the newest; with none the
    newest two are compared. Outputs are compared by name, size and checksum, as the runs noted them: nothing is
    fetched.
    """
    from aws_run.report.tables import table
    from aws_run.usecases.diff import diff as compare

    with session(flags) as here:
        comparison = compare(here.context, one, other, here.project)
        if here.as_json:
            here.print_json(as_data(comparison))
            return 0
        rows = rows_of(comparison)
        ids = (comparison.one.run_id, comparison.other.run_id)
        if rows:
            table("", ("what", "one", "other"), [("run", *ids), *rows])
        for line in lines_of(comparison):
            result(line)
        if any(what == "cost" for what, _, _ in comparison.differences):
            here.say_simulated()
    return 0


def as_data(comparison: RunDiff) -> dict[str, Any]:
    rows = [{"what": what, "one": first, "other": second} for what, first, second in comparison.differences]
    return {
        "one": comparison.one.run_id,
        "other": comparison.other.run_id,
        "differences": rows,
        "same": list(comparison.same),
        "outputs": None if comparison.not_compared else [_change(one) for one in comparison.outputs],
        "outputs_not_compared": comparison.not_compared,
    }


def _change(change: FileChange) -> dict[str, Any]:
    return {"path": change.path, "what": change.what, "one": _file(change.before), "other": _file(change.after)}


def _file(one: OutputFile | None) -> dict[str, Any] | None:
    return None if one is None else {"bytes": one.bytes, "crc32": None if one.crc32 is None else f"{one.crc32:08x}"}


def rows_of(comparison: RunDiff) -> list[tuple[str, str, str]]:
    """(what, of one, of the other): the facts that differ, then the first of the outputs that do."""
    from aws_run.amounts import size

    rows = list(comparison.differences)
    for change in comparison.outputs[:_NAMED]:
        before, after = (size(one.bytes) if one else "" for one in (change.before, change.after))
        rows.append((f"output {change.path}", before, f"{after}, other contents" if before == after else after))
    return rows


def lines_of(comparison: RunDiff) -> list[str]:
    """What the table does not say: how many outputs differ, and in what the two are alike."""
    from aws_run.report.format import listed

    lines = []
    if comparison.outputs:
        totals = Counter(change.what for change in comparison.outputs)
        parts = [f"{totals[what]:,} {what}" for what in ("added", "removed", "changed") if totals[what]]
        more = len(comparison.outputs) - _NAMED
        rest = f"; {more:,} more of them {'is' if more == 1 else 'are'} in --json" if more > 0 else ""
        lines.append(f"outputs: {', '.join(parts)}{rest}")
    if comparison.same:
        lines.append(f"no difference in {listed(comparison.same)}")
    if comparison.not_compared:
        lines.append(comparison.not_compared)
    return lines
