"""The plan, the end of a run and what is left, in few lines. `-v` shows all of them in full. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from aws_run.pricing.estimate import LEAST_BILLED_S
from aws_run.report.format import clean, count, listed, money, seconds
from aws_run.report.money import beside_estimate
from aws_run.report.views import LeftRow, LeftView, OutcomeView, PlanAllowance, PlanView, ReceiptView

_SHARED = ("role", "instance-profile", "log-group")


def folded_plan(view: PlanView) -> list[tuple[str, str]]:
    """(what it is about, text), one subject a line: what runs, for how much, what stays; then what there is to note.
    The head (`text.plan_head`) is not among them."""
    rows = [("runs", shlex.join(view.argv))] if view.argv is not None else []
    rows += [("price", text) for text in _price(view)]
    rows += [("leaves", text) for text in _left(view)]
    rows += [("note", allowance(one)) for one in view.allowances]
    rows += [("note", text) for text in view.short_notes]
    return [(what, clean(text)) for what, text in rows]


def _price(view: PlanView) -> list[str]:
    """The numbers; where one of them is not known, the sentences that say so."""
    price = view.price
    if price is None or price.per_hour is None or price.at_most is None:
        return [line.removeprefix("estimate: ") for line in view.estimate]
    most = f"at most {money(price.at_most)} in {seconds(price.timeout_s)}"
    line = f"{money(price.per_hour)} an hour, {most}"
    if price.expected is not None:
        least = price.expected_s is not None and price.expected_s <= LEAST_BILLED_S
        by = "a minute, the least" if least else count(price.expected.runs, "earlier run")
        line = f"{money(price.expected.usd)} expected ({by}), {most}"
    return [line, *(text for text in view.estimate if text.startswith("network: "))]


def _left(view: PlanView) -> list[str]:
    """Whatever stays is named, whether this run makes it or finds it there."""
    rows = [row for lane in view.lanes for row in lane.rows if row.kind not in ("image", "input")]
    if not any(row.action == "create" and row.scope == "run" for row in rows):
        return []
    stay = list(dict.fromkeys(row.kind for row in rows if row.scope in ("kept", "shared")))
    return [f"{listed(stay)}; the rest is removed" if stay else "nothing: what it makes is removed"]


def allowance(one: PlanAllowance) -> str:
    """One limit in a line."""
    return (
        f"allowance of {money(one.limit_usd)} a {one.per}: {money(one.free_usd)} free, this run holds "
        f"{money(one.holds_usd)}"
    )


def removal(gone: int, kept: Iterable[str]) -> str:
    """One line for a whole teardown. `kept`: why something stayed, once for each."""
    reasons = list(kept)
    parts = [f"removed {count(gone, 'resource')}"] if gone else []
    if reasons:
        why = ", ".join(dict.fromkeys(filter(None, reasons)))
        parts.append(f"kept {count(len(reasons), 'resource')}" + (f" ({why})" if why else ""))
    return ", ".join(parts)


def ran(view: OutcomeView) -> str:
    """`python main.py --epochs 3 (commit 1a2b3c4d5e6f, image arun/demo@1a2b3c4d5e6f, Python 3.12, lr=0.1, "note")`."""
    beside = [
        f"commit {view.commit}" if view.commit else "",
        f"image {view.image}" if view.image else "",
        f"Python {view.python}" if view.python else "",
        *view.labels,
        f'"{view.note}"' if view.note else "",
    ]
    told = ", ".join(filter(None, beside))
    return " ".join(filter(None, (shlex.join(view.ran), f"({told})" if told else "")))


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


def left(rows: Iterable[LeftRow], destroy_command: str) -> str:
    """Names, and what removes those that all of the project's runs share."""
    listed = list(rows)
    names = ", ".join(f"{row.kind} {row.name}" for row in listed)
    shared = list(dict.fromkeys(row.kind for row in listed if row.kind in _SHARED))
    return f"{names}; `{destroy_command}` removes {' and '.join(shared)}" if shared else names
