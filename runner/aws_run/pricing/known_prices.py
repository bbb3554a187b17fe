"""Which offers may be taken where what they cost at most has to be known. Pure.

A run is planned with the most that it may cost, and limits and allowances are kept by that: one type without a price
among several would leave all of them without. So it is left out, as long as another is left.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_run.pricing.offers import Choice
from aws_run.runs.spec import JobSpec

_MOST_NAMED = 4


def with_known_price(choices: Sequence[Choice], job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    """Those of `choices` whose highest price is known, and the names of the types that are left out for it. All of them
    where none has one, and where the user named them and set no limit."""
    limits = job.limits
    limited = limits.max_cost_usd is not None or limits.max_price_usd_per_hour is not None
    if job.resources.instance_types and not limited:
        return tuple(choices), ()
    known = tuple(one for one in choices if _is_bounded(one, agreed=limited and job.spot_policy == "spot"))
    if not known:
        return tuple(choices), ()
    kept = {one.name for one in known}
    return known, tuple(dict.fromkeys(one.name for one in choices if one.name not in kept))


def _is_bounded(choice: Choice, *, agreed: bool) -> bool:
    """`agreed`: AWS is told how much of a spot price is paid at most. Otherwise on-demand's price is the bound."""
    if choice.usd_per_hour is None:
        return False
    return not choice.spot or agreed or choice.on_demand_usd_per_hour is not None


def left_out_note(names: Sequence[str]) -> str | None:
    """A sentence for the plan; a region has many types, and a package of prices not all of them."""
    if not names:
        return None
    whose = "its price is" if len(names) == 1 else "their price is"
    which = f"{len(names)} types" if len(names) > _MOST_NAMED else ", ".join(names)
    return f"{which} left out: {whose} not known"
