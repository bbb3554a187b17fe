"""What the stories showed, as a page of docs/real-runs/. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tests.smoke.shapes import Difference
from tests.smoke.stories import Told

_SLOWEST = 25


@dataclass(frozen=True, kw_only=True)
class Account:
    """`where`: AWS, or the address of what stands for it. Of the account's number only its end is told."""

    number: str
    region: str
    where: str
    version: str


def page(
    account: Account,
    day: str,
    told: Sequence[Told],
    *,
    budget_usd: Decimal,
    found: Sequence[Difference],
    timings: Sequence[tuple[str, int, float, float | None]],
    left: Mapping[str, Sequence[str]],
) -> str:
    lines = [
        f"# A run on {account.where}, {day}",
        "",
        f"aws-run {account.version} in {account.region}, account …{account.number[-4:]}, by `make aws-smoke` with a budget "
        f"of ${budget_usd:f}.",
        "",
        "| story | outcome | calls | seconds | cost | at most |",
        "|---|---|---:|---:|---:|---:|",
        *(_story(one) for one in told),
        "",
        f"In all at most ${spent(told):.4f}: where the cost is not known, the cap counts.",
        "",
        "## What is left",
        "",
        *([f"- {kind}: {', '.join(names)}" for kind, names in left.items()] or ["Nothing, by AWS's own listings."]),
        "",
        "## Answers that the embedded AWS gives otherwise",
        "",
        *(line for one in found for line in _difference(one)),
        *([] if found else ["None: every operation's answers had the same members, and no refusal was new."]),
        "",
        "## Times of answers",
        "",
        "The median in seconds, of the slowest operations.",
        "",
        "| operation | calls | here | embedded AWS |",
        "|---|---:|---:|---:|",
        *(
            f"| {operation} | {count} | {ours:.3f} | {'-' if theirs is None else f'{theirs:.3f}'} |"
            for operation, count, ours, theirs in timings[:_SLOWEST]
        ),
    ]
    return "\n".join(lines) + "\n"


def spent(told: Sequence[Told]) -> Decimal:
    return sum(
        (one.most_usd if one.cost_usd is None else one.cost_usd for one in told if one.outcome != "left out"),
        Decimal(0),
    )


def _story(one: Told) -> str:
    outcome = f"{one.outcome}: {_cell(one.why)}" if one.why else one.outcome
    cost = "?" if one.cost_usd is None else f"${one.cost_usd:.4f}"
    if one.outcome == "left out":
        cost = "-"
    return f"| {one.name} | {outcome} | {one.calls} | {one.seconds:.0f} | {cost} | ${one.most_usd} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _difference(one: Difference) -> list[str]:
    parts = [
        ("only here", one.only_here),
        ("in the embedded AWS in answers of other operations", one.elsewhere),
        ("only in the embedded AWS", one.only_embedded),
        ("of another kind", one.other_kind),
        ("refusals that the embedded AWS did not give", one.refusals),
    ]
    return [f"- `{one.operation}`", *(f"  - {label}: {', '.join(names)}" for label, names in parts if names)]
