"""Views as rich renderables: what a terminal shows of the plan, the receipt and the outcome.

Names and texts come from AWS, Docker and the job, so everything is a `Text`: markup is never parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aws_run import naming
from aws_run.report.format import clean, money, quantity, unit_price
from aws_run.report.symbols import Symbols
from aws_run.report.text import outcome_places, receipt_footer
from aws_run.report.views import LaneView, LeftView, OutcomeView, PlanRow, PlanView, ReceiptView

SIDE_BY_SIDE_WIDTH = 110
_STYLES = {"create": "green", "reuse": "dim", "skip": "dim", "keep": "dim"}


def heading(view: PlanView) -> Text:
    place = clean(f"  {view.backend}, {view.region}, account {view.account}")
    return Text.assemble((clean(view.run_id), "bold"), (place, "dim"))


def plan_panel(view: PlanView, width: int, symbols: Symbols) -> RenderableType:
    parts: list[RenderableType] = [heading(view), Text()]
    if width >= SIDE_BY_SIDE_WIDTH and len(view.lanes) > 1:
        table = Table.grid(padding=(0, 3, 0, 0), expand=True)
        for _ in view.lanes:
            table.add_column(ratio=1)
        table.add_row(*(_lane_head(lane) for lane in view.lanes))
        table.add_row(*(_lane_rows(lane, view.run_id, symbols) for lane in view.lanes))
        parts.append(table)
    else:
        parts += [Group(_lane_head(lane), _lane_rows(lane, view.run_id, symbols)) for lane in view.lanes]
    scoped = any(row.scope in ("kept", "shared") for lane in view.lanes for row in lane.rows)
    legend = [Text(f"  {line}", style="dim") for line in _LEGEND] if scoped else []
    texts = [*legend, *(Text(f"  {clean(line)}") for line in view.estimate)]
    texts += [Text(f"  {symbols.dot} {clean(line)}", style="dim") for line in view.notes]
    return Group(*parts, Text(), *texts, Text()) if texts else Group(*parts, Text())


_LEGEND = (
    "kept: stays after the run. shared: removed with the project's last run.",
    "Everything else is created for this run and removed after it.",
)


def _lane_head(lane: LaneView) -> Text:
    return Text(f"  {lane.lane}", style="bold")


def _lane_rows(lane: LaneView, run_id: str, symbols: Symbols) -> RenderableType:
    """One line a resource. The run's own resources are named after the run, and that name is shown once, above."""
    own = f"{naming.PREFIX}-{run_id}"
    lines = []
    for row in lane.rows:
        name = "" if row.name == own else clean(row.name.replace(own, symbols.ellipsis))
        line = Text("  ", no_wrap=True, overflow="ellipsis")
        line.append(f"{_sign(row, symbols)} ", _STYLES.get(row.action, "cyan"))
        line.append(clean(row.kind))
        for extra in filter(None, ("" if row.scope == "run" else clean(row.scope), name, clean(row.note))):
            line.append(f"  {extra}", "dim")
        lines.append(line)
    return Group(*lines)


def _sign(row: PlanRow, symbols: Symbols) -> str:
    signs = {"create": "+", "build": "+", "reuse": symbols.same, "skip": symbols.same, "keep": symbols.same}
    return signs.get(row.action, symbols.up if row.action in {"send", "push"} else symbols.dot)


def receipt_panel(view: ReceiptView, symbols: Symbols) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(style="dim")
    table.add_column(justify="right")
    for line in view.lines:
        times = f"{quantity(line.quantity)} {clean(line.unit)} {symbols.times} {unit_price(line.unit_price_usd)}"
        table.add_row(Text(clean(line.what)), Text(times), Text(money(line.amount_usd)))
    total = money(view.total_usd)
    table.add_row("", "", Text(symbols.rule * len(total), style="dim"))
    table.add_row(Text("total", style="bold"), "", Text(total, style="bold"))
    footer = [Text(line, style="dim") for line in receipt_footer(view)]
    return Group(Text(f"  {clean(view.label)}", style="bold"), Padding(Group(table, *footer), (0, 0, 0, 2)), Text())


def left_panel(view: LeftView, symbols: Symbols) -> list[Text]:
    """Lines that must not be wrapped, because they contain links."""
    if not view.rows:
        return [Text("  nothing is left in AWS", style="dim"), Text()]
    lines = [Text("  left in AWS", style="bold")]
    for row in view.rows:
        failed = row.state == "failed"
        line = Text("  ")
        line.append(f"{symbols.failed if failed else symbols.same} ", "red" if failed else "dim")
        line.append(clean(f"{row.kind} {row.name}"))
        for extra in filter(None, (clean(row.why), clean(row.where))):
            line.append(f"  {extra}", "dim")
        lines.append(line)
    return [*lines, Text()]


def outcome_panel(view: OutcomeView, head: str, symbols: Symbols) -> list[Text]:
    """Lines that must not be wrapped, so that paths and links can be clicked and copied."""
    good = view.succeeded
    lines = [Text.assemble((symbols.done if good else symbols.failed, "bold green" if good else "bold red"), " ", head)]
    warning = (symbols.warning, "bold yellow")
    lines += [Text.assemble(warning, f" {clean(text)}") for text in view.warnings]
    lines += pairs(outcome_places(view))
    if view.next_commands:
        lines += [
            Text(),
            *pairs([("next" if index == 0 else "", each) for index, each in enumerate(view.next_commands)]),
        ]
    return lines


def pairs(rows: Iterable[tuple[str, str]]) -> list[Text]:
    return [Text.assemble((f"  {what:<9}", "dim"), clean(where)) for what, where in rows]
