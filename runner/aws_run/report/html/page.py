"""Writes a `RunPage` as one file: no script, no address that a browser would load, every text escaped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from aws_run.report.format import adding_up, clean, count, money, quantity, size, unit_price
from aws_run.report.html.plots import plot, timeline
from aws_run.report.html.style import STYLE
from aws_run.report.html.values import Fact, Preview, RunPage, Saved
from aws_run.report.views import ReceiptView
from aws_run.report_file import FIRST_LINE

# Even where an escape were forgotten, a browser would run and load nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"


def render(page: RunPage, now: datetime) -> str:
    """The whole document. `now`: the end of what has not ended yet, and the time below the page, in UTC."""
    parts = [_head(page)]
    parts += [f'<p class="warning">{_text(text)}</p>' for text in page.warnings]
    parts += _section("What ran", _facts(page.facts))
    parts += _section("When", timeline(page.attempts, now))
    plots = "".join(plot(series) for series in page.usage)
    parts += _section("What it used", f'<div class="plots">{plots}</div>' if plots else "")
    parts += ["".join(f'<p class="warning">{_text(text)}</p>' for text in page.advice)]
    parts += _section("What it cost", _facts(page.money) + (_receipt(page.receipt) if page.receipt else ""))
    parts += _section(f"Results: {count(page.output_files, 'file')}, {size(page.output_bytes)}", _outputs(page))
    parts += _section("The end of the log" if page.log_cut else "Log", _lines(page.log))
    parts += [f'<p class="soft">{_text(text)}</p>' for text in page.notes]
    body = "\n".join(part for part in parts if part)
    return (
        f'{FIRST_LINE}\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{_text(page.run_id)}</title><style>{STYLE}</style></head>\n<body><main>\n{body}\n"
        f'<p class="soft">{now:%Y-%m-%d %H:%M} UTC, aws-run</p>\n</main></body></html>\n'
    )


def _text(text: str) -> str:
    return escape(clean(text))


def _head(page: RunPage) -> str:
    how = "running" if page.exit_code is None else "failed" if page.exit_code else "done"
    code = "" if page.exit_code is None else f", exit code {page.exit_code}"
    sentence = f'<p class="sentence">{_text(page.sentence)}</p>' if page.sentence else ""
    return f'<h1>{_text(page.run_id)}</h1><div class="state {how}">{_text(page.phase)}{code}</div>{sentence}'


def _section(title: str, content: str) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", content] if content else []


def _facts(facts: Sequence[Fact]) -> str:
    rows = "".join(f"<dt>{_text(fact.name)}</dt><dd>{_text(fact.value)}</dd>" for fact in facts if fact.value)
    return f"<dl>{rows}</dl>" if rows else ""


def _receipt(receipt: ReceiptView) -> str:
    amounts, total = adding_up([line.amount_usd for line in receipt.lines], receipt.total_usd)
    rows = "".join(
        f'<tr><td>{_text(line.what)}</td><td class="number">{quantity(line.quantity)} {_text(line.unit)}</td>'
        f'<td class="number">{unit_price(line.unit_price_usd)}</td>'
        f'<td class="number">{amount}</td></tr>'
        for line, amount in zip(receipt.lines, amounts, strict=True)
    )
    saved = f"spot saved {money(receipt.saved_usd)}" if receipt.saved_usd else ""
    priced = f"prices of {receipt.priced_on}" if receipt.priced_on else ""
    told = [saved, priced, *(f"without {text}" for text in receipt.left_out)]
    return (
        '<div class="scroll"><table><thead><tr><th>what</th><th class="number">used</th><th class="number">price</th>'
        f'<th class="number">USD</th></tr></thead><tbody>{rows}</tbody><tfoot><tr><td>{_text(receipt.label)}</td>'
        f'<td></td><td></td><td class="number">{total}</td></tr></tfoot></table></div>'
        f'<p class="soft">{_text("; ".join(text for text in told if text))}</p>'
    )


def _outputs(page: RunPage) -> str:
    if not page.output_files:
        return ""
    where = f'<p class="soft">{_text(page.output_address)}</p>' if page.output_address else ""
    more = page.output_files - len(page.outputs)
    rest = f'<p class="soft">and {count(more, "more file")}</p>' if more > 0 else ""
    return where + "".join(_file(saved) for saved in page.outputs) + rest


def _file(saved: Saved) -> str:
    why_none = f'<div class="soft">{_text(saved.why_none)}</div>' if saved.why_none else ""
    shown = _preview(saved.path, saved.preview) if saved.preview else why_none
    return (
        f'<div class="file"><div><code>{_text(saved.path)}</code><span class="soft">{size(saved.bytes)}</span></div>'
        f"{shown}</div>"
    )


def _preview(path: str, preview: Preview) -> str:
    if preview.image:
        return f'<img src="{escape(preview.image)}" alt="{_text(path)}" loading="lazy">'
    more = '<p class="soft">…</p>' if preview.cut else ""
    if preview.rows:
        head, *rows = preview.rows
        body = "".join(_row("td", row) for row in rows)
        return f'<div class="scroll"><table><thead>{_row("th", head)}</thead><tbody>{body}</tbody></table></div>{more}'
    return f"{_lines(preview.text.splitlines())}{more}"


def _row(cell: str, values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{_text(value)}</{cell}>" for value in values) + "</tr>"


def _lines(lines: Sequence[str]) -> str:
    return "<pre>" + "\n".join(_text(line) for line in lines) + "</pre>" if lines else ""
