"""The plan, the end of a run and what is left, in few lines. `-v` shows all of them in full. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from aws_run.report.format import clean, count, money
from aws_run.report.money import beside_estimate
from aws_run.report.views import LeftRow, LeftView, PlanRow, PlanView, ReceiptView

_SHARED = ("role", "instance-profile", "log-group")


def folded_plan(view: PlanView) -> list[str]:
    """Three lines, and one more for what there is to note: where, what is made and sent, for how much."""
    where = view.backend.partition(": ")[2] or view.backend
    lines = [f"{view.run_id or view.project}  {where}, {view.region}, account {view.account}", _what_is_made(view)]
    lines += view.estimate
    if view.notes:
        lines.append("; ".join(view.notes))
    return [clean(line) for line in lines]


def _what_is_made(view: PlanView) -> str:
    rows = [row for lane in view.lanes for row in lane.rows]
    made = any(row.action == "create" and row.scope != "kept" for row in rows)
    stay = [row.kind for row in rows if row.action == "create" and row.scope == "kept"]
    spared = f", but for {' and '.join(stay)}" if stay else ""
    runs = [f"runs {shlex.join(view.argv)}"] if view.argv is not None else []
    made_parts = [f"what it makes is removed after the run{spared}"] if made else []
    return "; ".join([*runs, *(_part(row) for row in rows if row.kind in ("image", "input")), *made_parts])


def _part(row: PlanRow) -> str:
    verb = {"build": "builds", "send": "sends what changed of"}.get(row.action, "reuses")
    note = row.note.partition(";")[0].partition(", then")[0]
    return f"{verb} the {row.kind}" + (f" ({note})" if note else "")


def removal(gone: int, kept: Iterable[str]) -> str:
    """One line for a whole teardown. `kept`: why something stayed, once for each."""
    reasons = list(kept)
    parts = [f"removed {count(gone, 'resource')}"] if gone else []
    if reasons:
        why = ", ".join(dict.fromkeys(filter(None, reasons)))
        parts.append(f"kept {count(len(reasons), 'resource')}" + (f" ({why})" if why else ""))
    return ", ".join(parts)


def cost(view: ReceiptView) -> str:
    """$0.0020, with what the sum is where that is not simply the cost, what was expected, and what spot saved."""
    beside = [] if view.label == "cost" else [view.label]
    if view.estimate is not None and (told := beside_estimate(view.estimate)):
        beside.append(told)
    if view.saved_usd > 0:
        beside.append(f"spot saved {money(view.saved_usd)}")
    return f"{money(view.total_usd)} ({'; '.join(beside)})" if beside else money(view.total_usd)


def kept_rows(view: LeftView) -> list[LeftRow]:
    return [row for row in view.rows if row.state == "kept"]


def failed_rows(view: LeftView) -> LeftView:
    return LeftView(rows=tuple(row for row in view.rows if row.state == "failed"))


def left(rows: Iterable[LeftRow]) -> str:
    """Names, and what removes those that all of the project's runs share."""
    listed = list(rows)
    names = ", ".join(f"{row.kind} {row.name}" for row in listed)
    shared = list(dict.fromkeys(row.kind for row in listed if row.kind in _SHARED))
    return f"{names}; `aws-run destroy` removes {' and '.join(shared)}" if shared else names
