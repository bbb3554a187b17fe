"""Several machines that have done the same work: time against cost, and where more money stops paying. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from aws_run.frozen import frozen


@frozen
class Measured:
    """`seconds`: of the job itself; `usd`: of these seconds alone, without boot."""

    name: str
    seconds: float
    usd: Decimal


def knee(measured: Sequence[Measured]) -> Measured | None:
    """The one with the least product of time and cost: a faster one costs more by a larger factor than it is faster, a
    cheaper one is slower by a larger factor than it is cheaper. Equal ones: the cheaper. None where there is none."""
    return min(measured, key=lambda one: (Decimal(str(one.seconds)) * one.usd, one.usd), default=None)


def best(measured: Sequence[Measured]) -> tuple[Measured, ...]:
    """Those that no other one beats in both time and cost, fastest first."""
    kept = [one for one in measured if not any(_beats(other, one) for other in measured)]
    return tuple(sorted(kept, key=lambda one: (one.seconds, one.usd, one.name)))


def _beats(one: Measured, other: Measured) -> bool:
    same = (one.seconds, one.usd) == (other.seconds, other.usd)
    return not same and one.seconds <= other.seconds and one.usd <= other.usd
