"""What a run changed against an earlier one of the same command: pure comparison, and its Markdown.

Numbers come from files named metrics.json; a table is a CSV or TSV file, told by its rows and columns.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any

from aws_run.frozen import frozen
from aws_run.report.format import count, money, seconds, size
from aws_run.report.markdown import code, escape, link, table
from aws_run.runs.output_files import FileChange, OutputFile, file_changes

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
TABLES = {".csv": ",", ".tsv": "\t"}
METRICS = "metrics.json"
_MOST_ROWS = 25
MOST_NUMBERS = 200
_DEEPEST = 6
_ROUNDING = 1 + 1e-9  # 5 % of 1.0 is not quite 0.05 in binary


@frozen
class RunFacts:
    """What is compared. `metrics`: the numbers of all metrics.json, by file and key. `None` is not known.
    `not_read`: what is compared by size and checksum only, in sentences."""

    run_id: str
    cost_usd: Decimal | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    outputs: Mapping[str, OutputFile] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()


@frozen
class Number:
    """`within`: the difference is inside the tolerance."""

    name: str
    before: float | None
    after: float | None
    within: bool


@frozen
class Changes:
    """Of `after` against `before`. `against`: what that was, in words."""

    before: RunFacts
    after: RunFacts
    against: str
    files: tuple[FileChange, ...]
    numbers: tuple[Number, ...]

    @property
    def verdict(self) -> str:
        """One line: whether anything that the run computed is different."""
        beyond = [number for number in self.numbers if not number.within]
        if not self.files and not beyond:
            return f"No output differs from {self.against}."
        totals = {what: sum(change.what == what for change in self.files) for what in ("added", "removed", "changed")}
        parts = [f"{total} {what}" for what, total in totals.items() if total]
        files = f"Outputs: {', '.join(parts)}" if parts else "No output file differs"
        if beyond:
            names = ", ".join(number.name for number in beyond[:3]) + (" …" if len(beyond) > 3 else "")
            return f"{files}; {len(beyond)} of {count(len(self.numbers), 'metric')} beyond their tolerance: {names}."
        metrics = "; its metric within its tolerance" if self.numbers else ""
        if len(self.numbers) > 1:
            metrics = f"; all {len(self.numbers)} metrics within their tolerance"
        return f"{files}{metrics}."


@frozen
class NoBase:
    """There is nothing to compare with. `why`: one sentence."""

    why: str


def compare(
    before: RunFacts, after: RunFacts, *, against: str, tolerance: Mapping[str, float] | None = None
) -> Changes:
    """`tolerance`: how far a metric may move, relative to what it was, by its last key; `*` for all others, else 0."""
    numbers = []
    for name in sorted({*before.metrics, *after.metrics}):
        was, now = before.metrics.get(name), after.metrics.get(name)
        allowed = _tolerance(name, tolerance or {})
        numbers.append(Number(name=name, before=was, after=now, within=_within(was, now, allowed)))
    return Changes(
        before=before,
        after=after,
        against=against,
        files=file_changes(before.outputs, after.outputs),
        numbers=tuple(numbers),
    )


def _tolerance(name: str, tolerance: Mapping[str, float]) -> float:
    key = name.rpartition(":")[2]
    for wanted in (key, key.rpartition(".")[2], "*"):
        if wanted in tolerance:
            return tolerance[wanted]
    return 0.0


def _within(was: float | None, now: float | None, allowed: float) -> bool:
    if was is None or now is None:
        return False
    if math.isnan(was) or math.isnan(now):
        return math.isnan(was) and math.isnan(now)
    return abs(now - was) <= allowed * abs(was) * _ROUNDING if math.isfinite(was) and math.isfinite(now) else was == now


def read_metrics(path: str, content: bytes) -> dict[str, float]:
    """The numbers of one metrics.json, as `path:key.key`; empty for what is none. Nested deeper than six: left out."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    numbers: dict[str, float] = {}

    def walk(value: Any, name: str, depth: int) -> None:
        if len(numbers) >= MOST_NUMBERS or depth > _DEEPEST:
            return
        if isinstance(value, bool):
            return
        if isinstance(value, (int, float)):
            try:
                numbers[f"{path}:{name}"] = float(value)
            except OverflowError:
                return
        elif isinstance(value, dict):
            for key, member in value.items():
                walk(member, f"{name}.{key}" if name else str(key), depth + 1)
        elif isinstance(value, list):
            for index, member in enumerate(value):
                walk(member, f"{name}.{index}" if name else str(index), depth + 1)

    walk(document, "", 0)
    return numbers


def read_shape(path: str, content: bytes) -> tuple[int, int] | None:
    """Rows (without the headline) and columns of a table; None for what can't be read as one."""
    delimiter = next((sign for ending, sign in TABLES.items() if path.lower().endswith(ending)), None)
    if delimiter is None:
        return None
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        widths = [len(row) for row in csv.reader(text, delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    return (len(widths) - 1, widths[0]) if widths else (0, 0)


# -- as Markdown --------------------------------------------------------------------------------------------------


def changes_section(changes: Changes | NoBase, shown: Callable[[str], str], *, most_files: int = _MOST_ROWS) -> str:
    """`shown` takes secrets out of a text. `most_files`: how many of the files that differ are listed."""
    if isinstance(changes, NoBase):
        return f"**What changed** — {escape(shown(changes.why))}"
    before, after = changes.before, changes.after
    rows: list[Sequence[str]] = []
    if before.cost_usd is not None and after.cost_usd is not None:
        percent = _percent(float(before.cost_usd), float(after.cost_usd))
        rows.append(("cost", escape(money(before.cost_usd)), escape(money(after.cost_usd)), percent))
    if before.seconds is not None and after.seconds is not None:
        percent = _percent(before.seconds, after.seconds)
        rows.append(("duration", seconds(before.seconds), seconds(after.seconds), percent))
    if before.peak_memory_bytes and after.peak_memory_bytes:
        percent = _percent(before.peak_memory_bytes, after.peak_memory_bytes)
        rows.append(("peak memory", size(before.peak_memory_bytes), size(after.peak_memory_bytes), percent))
    differing = sorted((n for n in changes.numbers if n.before != n.after), key=lambda number: number.within)
    for number in differing[:_MOST_ROWS]:
        sign = "" if number.within else "⚠️ "
        percent = _percent(number.before, number.after)
        rows.append((f"{sign}{code(shown(number.name))}", _number(number.before), _number(number.after), percent))
    parts = [f"**What changed** — {escape(shown(changes.verdict))}"]
    if rows:
        parts.append(table(("", f"{escape(shown(before.run_id))}", "this run", ""), rows, right=(1, 2, 3)))
    if len(differing) > _MOST_ROWS:
        parts.append(f"… and {len(differing) - _MOST_ROWS} more numbers")
    if changes.files and most_files:
        listed = [_file_row(change, shown) for change in changes.files[:most_files]]
        more = len(changes.files) - len(listed)
        rest = f"\n\n… and {more} more" if more > 0 else ""
        files = table(("output", "", "before", "after"), listed)
        differ = len(changes.files)
        summary = "1 output file differs" if differ == 1 else f"{differ} output files differ"
        parts.append(f"<details><summary>{summary}</summary>\n\n{files}{rest}\n\n</details>")
    for sentence in dict.fromkeys((*before.not_read, *after.not_read)):
        parts.append(f"<sub>{escape(shown(sentence))}</sub>")
    return "\n\n".join(parts)


def _file_row(change: FileChange, shown: Callable[[str], str]) -> Sequence[str]:
    return (code(shown(change.path)), change.what, _file(change.path, change.before), _file(change.path, change.after))


def _file(path: str, there: OutputFile | None) -> str:
    if there is None:
        return "—"
    if there.shape is not None:
        rows, columns = there.shape
        text = f"{count(rows, 'row')}, {count(columns, 'column')}, {size(there.bytes)}"
    else:
        text = size(there.bytes)
    is_image = path.lower().endswith(IMAGES)
    return link(f"image, {text}" if is_image else text, there.url) if there.url else text


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.6g}"


def _percent(before: float | None, after: float | None) -> str:
    if before is None or after is None or not before or not math.isfinite(before) or not math.isfinite(after):
        return ""
    return f"{(after - before) / abs(before):+.1%}"
