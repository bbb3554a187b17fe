"""Views as rich renderables: what a terminal shows of the plan, the receipt and the outcome.

Names and texts come from AWS, Docker and the job, so everything is a `Text`: markup is never parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from aws_run.report import calm
from aws_run.report.format import adding_up, clean, quantity, unit_price
from aws_run.report.symbols import Symbols
from aws_run.report.text import outcome_places, plan_head, plan_rows, receipt_footer
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView
from aws_run.report.wrapping import wrapped

_PLAN_INDENT = 12
_PLACE_INDENT = 11


def plan_panel(view: PlanView, width: int) -> list[Text]:
    """A list, the same at every width: text is broken between words, and a name is never cut."""
    return [*_plan_lines(view, plan_rows(view), width), Text()]


def folded_plan_panel(view: PlanView, width: int) -> list[Text]:
    """The same in short."""
    return _plan_lines(view, calm.folded_plan(view), width)


def _plan_lines(view: PlanView, rows: Iterable[tuple[str, str]], width: int) -> list[Text]:
    name, where = plan_head(view)
    first, *rest = wrapped(where, width - len(name) - 2)
    lines = [Text.assemble((name, "bold"), (f"  {first}", "dim"))]
    lines += [Text(f"{'':{len(name) + 2}}{line}", "dim") for line in rest]
    before = ""
    for what, text in rows:
        first, *rest = wrapped(text, width - _PLAN_INDENT)
        lines.append(Text.assemble((f"  {'' if what == before else what:<8}  ", "dim"), first))
        lines += [Text(f"{'':{_PLAN_INDENT}}{line}") for line in rest]
        before = what
    return lines


def receipt_panel(view: ReceiptView, symbols: Symbols, width: int) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(style="dim")
    table.add_column(justify="right")
    amounts, total = adding_up([line.amount_usd for line in view.lines], view.total_usd)
    for line, amount in zip(view.lines, amounts, strict=True):
        times = f"{quantity(line.quantity)} {clean(line.unit)} {symbols.times} {unit_price(line.unit_price_usd)}"
        table.add_row(Text(clean(line.what)), Text(times), Text(amount))
    table.add_row("", "", Text(symbols.rule * len(total), style="dim"))
    table.add_row(Text("total", style="bold"), "", Text(total, style="bold"))
    footer = [Text(part, style="dim") for line in receipt_footer(view) for part in wrapped(line, width - 2)]
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


def outcome_panel(
    view: OutcomeView,
    head: str,
    symbols: Symbols,
    more: Sequence[tuple[str, str]] = (),
    *,
    width: int,
    links: bool = False,
) -> list[Text]:
    """Lines that must not be wrapped, so that paths and links can be clicked and copied; sentences are, to `width`, and
    so is what `more` tells.
    `more`: further rows. `links`: the terminal shows hyperlinks, so an address is behind what it leads to."""
    good = view.succeeded
    sign = (symbols.done if good else symbols.failed, "bold green" if good else "bold red")
    lines = _signed(sign, head, width)
    for text in view.warnings:
        lines += _signed((symbols.warning, "bold yellow"), clean(text), width)
    linked = links and view.console_url is not None
    for what, where in outcome_places(view):
        if linked and what == "console":
            continue
        address = ""
        if linked and what == "S3":
            address = view.console_url or ""
        elif links and what == "output":
            address = view.output_dir.absolute().as_uri() if view.output_dir is not None else ""
        elif links and what == "report":
            address = view.report_file.as_uri() if view.report_file is not None else view.report_url or ""
        value = Text(clean(where), style=Style(link=clean(address)) if address else "")
        lines.append(Text.assemble((f"  {what:<9}", "dim"), value))
    for what, text in more:
        first, *rest = wrapped(clean(text), width - _PLACE_INDENT)
        lines.append(Text.assemble((f"  {what:<9}", "dim"), first))
        lines += [Text(f"{'':{_PLACE_INDENT}}{line}") for line in rest]
    if view.next_commands:
        lines += [
            *([] if more else [Text()]),
            *pairs([("next" if index == 0 else "", each) for index, each in enumerate(view.next_commands)]),
        ]
    return lines


def _signed(sign: tuple[str, str], text: str, width: int) -> list[Text]:
    """A sentence behind a sign, broken between words."""
    first, *rest = wrapped(text, width - len(sign[0]) - 1)
    return [Text.assemble(sign, " ", first), *(Text(f"{' ' * len(sign[0])} {line}") for line in rest)]


def pairs(rows: Iterable[tuple[str, str]]) -> list[Text]:
    return [Text.assemble((f"  {what:<9}", "dim"), clean(where)) for what, where in rows]
