"""What is asked for when AWS has none of a run's first choices: the next ones, market by market. Pure.

One Auto Scaling group holds types of one market, in the order of the offers and over all zones: of these AWS itself
takes the next where one is short. Where it has none of them, the group is given the next types or the other market.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from aws_run.backends.ec2.quotas import quota_of
from aws_run.config import SpotPolicy
from aws_run.pricing import offers
from aws_run.pricing.offers import Choice
from aws_run.runs.spec import Rung

_MOST_FURTHER = 12
# Refusals of a type or a market; others (a full subnet, an account that may start nothing) meet every type alike.
OF_A_TYPE = frozenset(
    {"InsufficientInstanceCapacity", "UnfulfillableCapacity", "SpotMaxPriceTooLow", "Unsupported"}
)  # fmt: skip
OF_A_QUOTA = frozenset({"VcpuLimitExceeded", "MaxSpotInstanceCountExceeded"})


def ladder(
    choices: Sequence[Choice],
    first: Sequence[str],
    policy: SpotPolicy,
    *,
    named: bool,
    holds: Callable[[Choice], bool],
) -> tuple[Rung, ...]:
    """After a group of `first`. `choices`: all that may be taken, best first; `holds`: whether one can run the task
    that fits `first`. With `auto` on-demand follows spot. Types that were named have no others."""
    if named:
        return (Rung(spot=False, instance_types=tuple(first)),) if policy == "auto" else ()
    mine = [one for one in choices if holds(one)]
    rungs: list[Rung] = []
    if policy != "auto":
        rungs.append(_further(mine, spot=policy == "spot", taken=first))
    else:
        now = offers.group_types(mine, spot=False, named=False)
        rungs.append(Rung(spot=False, instance_types=now))
        rungs.append(_further(mine, spot=False, taken=now))
    return tuple(rung for rung in rungs if rung.instance_types)


def _further(choices: Sequence[Choice], *, spot: bool, taken: Collection[str]) -> Rung:
    """Those of the same market that cost little more than its best one, beside those that a group has had."""
    near = offers.near_best(choices, spot=spot)
    names = [one.name for one in near if one.name not in taken]
    return Rung(spot=spot, instance_types=tuple(names[:_MOST_FURTHER]))


def after(rungs: Sequence[Rung], code: str, refused: Rung) -> tuple[Rung, ...]:
    """What is left of `rungs` once AWS has refused `refused` with `code`, the next one first; none of them where none
    can do better. A quota holds for all types that it counts, in its market."""
    if code in OF_A_TYPE:
        return tuple(rungs)
    if code in OF_A_QUOTA:
        full = {quota_of(name, spot=refused.spot) for name in refused.instance_types}
        open_ = (
            Rung(
                spot=rung.spot,
                instance_types=tuple(
                    name for name in rung.instance_types if quota_of(name, spot=rung.spot) not in full
                ),
            )
            for rung in rungs
        )
        return tuple(rung for rung in open_ if rung.instance_types)
    return tuple(rung for rung in rungs if refused.spot and not rung.spot)
