"""A run's usage.csv as plots. The container wrote it, and so a job may have: what is no number is left out. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from aws_run.report.html.values import Series

MOST_BYTES = 4 << 20  # the container keeps at most 7,200 rows of some 70 bytes
_MOST_ROWS = 20_000
_MOST_POINTS = 240  # of a plot that is at most a screen wide


def read_usage(content: bytes, *, memory_bytes: int | None = None) -> tuple[Series, ...]:
    """The plots that have at least two points. `memory_bytes`: what the task was given."""
    rows = _rows(content)
    plots = (
        Series(name="CPU (100 % is one core)", unit="%", points=_column(rows, "cpu_percent")),
        Series(name="Memory", unit="B", points=_column(rows, "memory_bytes"), most=memory_bytes),
        Series(name="GPU", unit="%", points=_column(rows, "gpu_percent"), most=100),
        Series(name="GPU memory", unit="B", points=_column(rows, "gpu_memory_mib", factor=1 << 20)),
        Series(name="Free disk", unit="B", points=_column(rows, "disk_free_bytes"), scarce=True),
        Series(name="Received from the network", unit="B/s", points=_rates(_column(rows, "net_received_bytes"))),
        Series(name="Sent to the network", unit="B/s", points=_rates(_column(rows, "net_sent_bytes"))),
    )
    return tuple(thinned(plot) for plot in plots if len(plot.points) > 1)


def _rows(content: bytes) -> list[Mapping[str, str]]:
    text = io.StringIO(content[:MOST_BYTES].decode("utf-8", "replace"), newline="")
    rows: list[Mapping[str, str]] = []
    try:
        for row in csv.DictReader(text):
            rows.append(row)
            if len(rows) == _MOST_ROWS:
                break
    except csv.Error:
        pass  # a field beyond csv's own limit: what came before it is still shown
    return rows


def _column(rows: Sequence[Mapping[str, str]], name: str, *, factor: float = 1) -> tuple[tuple[float, float], ...]:
    points: list[tuple[float, float]] = []
    for row in rows:
        at, value = _number(row.get("elapsed_s")), _number(row.get(name))
        if at is not None and value is not None and (not points or at > points[-1][0]):
            points.append((at, value * factor))
    return tuple(points)


def _number(cell: object) -> float | None:
    """A number of at least 0, to a millionth, since a plot divides by differences of these. None for anything else that
    a cell may hold."""
    try:
        value = float(cell) if isinstance(cell, str) else math.nan
    except ValueError:
        return None
    return round(value, 6) if 0 <= value < 1e18 else None


def _rates(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Per second, of a counter that only grows: where it is smaller than before, the machine was another one."""
    return tuple((at, max(0.0, value - before) / (at - earlier)) for (earlier, before), (at, value) in pairwise(points))


def thinned(series: Series) -> Series:
    """With at most `_MOST_POINTS` points; of those that share one place the extreme stays, so that no peak is lost."""
    points = series.points
    if len(points) <= _MOST_POINTS:
        return series
    step = math.ceil(len(points) / _MOST_POINTS)
    groups = [points[start : start + step] for start in range(0, len(points), step)]
    extreme = min if series.scarce else max
    kept = tuple(extreme(group, key=lambda point: point[1]) for group in groups)
    return replace(series, points=kept)
