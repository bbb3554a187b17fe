"""Plots and bars as SVG, drawn here because a page without network and without scripts can use no library. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from aws_run.report.format import clean, seconds, size
from aws_run.report.html.values import Attempt, Series

_WIDTH, _HEIGHT = 600, 120


def plot(series: Series) -> str:
    """A `<figure>` with the line, its highest value and its mean."""
    points = series.points
    first, last = points[0][0], points[-1][0]
    highest = max(value for _, value in points)
    top = max(highest, series.most or 0.0) or 1.0
    across, up = _WIDTH / ((last - first) or 1.0), (_HEIGHT - 4) / top
    line = " ".join(f"{(at - first) * across:.1f},{_HEIGHT - 2 - value * up:.1f}" for at, value in points)
    mean = sum(value for _, value in points) / len(points)
    given = f" of {value_text(series.most, series.unit)}" if series.most and series.unit == "B" else ""
    extreme = min(value for _, value in points) if series.scarce else highest
    word = "least" if series.scarce else "peak"
    told = f"{word} {value_text(extreme, series.unit)}{given}, mean {value_text(mean, series.unit)}"
    name = escape(series.name)
    return (
        f"<figure><figcaption><b>{name}</b> <span>{escape(told)}</span></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}: {escape(told)}"><polygon class="area" points="0,{_HEIGHT} {line} {_WIDTH},{_HEIGHT}"/>'
        f'<polyline class="line" points="{line}"/></svg>'
        f'<div class="axis"><span>0s</span><span>{escape(seconds(last - first))}</span></div></figure>'
    )


def value_text(value: float, unit: str) -> str:
    """87 %, 3.1 GiB, 12 MiB/s."""
    if unit == "%":
        return f"{value:.0f} %"
    return size(value) + ("/s" if unit == "B/s" else "")


def timeline(attempts: Sequence[Attempt], now: datetime) -> str:
    """One row a bar, all on one scale."""
    if not attempts:
        return ""
    began = min(one.began for one in attempts)
    ended = max(one.ended or now for one in attempts)
    whole_s = max((ended - began).total_seconds(), 1.0)
    rows = []
    for one in attempts:
        start_s = (one.began - began).total_seconds()
        length_s = max(((one.ended or now) - one.began).total_seconds(), 0.0)
        left, width = 100 * start_s / whole_s, max(100 * length_s / whole_s, 0.5)
        rows.append(
            f'<div class="row"><span class="name">{escape(clean(one.name))}</span><span class="track">'
            f'<span class="bar {one.how}" style="margin-left:{min(left, 99.5):.2f}%;'
            f'width:{min(width, 100 - left):.2f}%"></span></span><span class="took">{escape(seconds(length_s))}</span>'
            f'<span class="text">{escape(clean(one.text))}</span></div>'
        )
    return f'<div class="timeline">{"".join(rows)}</div>'
