"""How much runs may cost in an hour, a day, a week or a month: limits, what counts against them, and what fits. Pure.

A run counts with the most that it may cost from its start until it can't bill any more, and with what it did cost once
its receipt is there. It counts in every period in which it may bill, whole: in no period can more be spent than the
limit, whenever its runs end. Periods are the calendar's in UTC, as on AWS's bill.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal, get_args

from aws_run.amounts import limit_money
from aws_run.frozen import frozen

Period = Literal["hour", "day", "week", "month"]
EACH = "*"
_LIMIT = re.compile(r"\$?(?P<usd>\d{1,9}(\.\d{1,4})?)\s*/\s*(?P<per>[a-z]+)")
_KINDS = ("project", "owner", "branch")
_LONGEST = timedelta(days=31)


@frozen
class Whose:
    """Whose a run is. `branch` "": it is on none, or nobody knows."""

    project: str
    owner: str
    branch: str = ""


@frozen
class Limit:
    """`usd` for all runs of `project`, `owner` and `branch` together; None: whichever; EACH: for each of them alone."""

    usd: Decimal
    per: Period
    project: str | None = None
    owner: str | None = None
    branch: str | None = None

    @property
    def selectors(self) -> tuple[str | None, ...]:
        """What tells it from others: there is one limit for each of these."""
        return (self.project, self.owner, self.branch)

    def group(self, whose: Whose) -> tuple[str, ...] | None:
        """Runs of the same group share the limit; None: it is none of theirs."""
        group = []
        for name in _KINDS:
            wanted, theirs = getattr(self, name), str(getattr(whose, name))
            if wanted == EACH:
                group.append(theirs)
            elif wanted not in (None, theirs):
                return None
        return tuple(group)

    def describe(self, whose: Whose | None = None) -> str:
        """`whose`: the run that is spoken of, where the limit is for each one alone."""
        parts = []
        for name in _KINDS:
            wanted = getattr(self, name)
            if wanted == EACH:
                parts.append(f"{name} {getattr(whose, name) or '(none)'}" if whose else f"each {name}")
            elif wanted is not None:
                parts.append(f"{name} {wanted}")
        return f"{limit_money(self.usd)} a {self.per}{' for ' + ', '.join(parts) if parts else ''}"


@frozen
class Claim:
    """What one run holds of the allowance. `usd`: the most that it may cost, or, once it is `settled`, what it cost.
    Nothing of it bills before `since` or after `until`. `run_id` "": several runs that are settled, summed up."""

    run_id: str
    whose: Whose
    usd: Decimal
    since: datetime
    until: datetime
    settled: bool = False

    def within(self, begin: datetime, end: datetime) -> bool:
        return self.since < end and self.until >= begin


@frozen
class Standing:
    """How one limit stands in one period, for one group of runs: those of `whose`. `holders`: how many runs hold what
    is reserved; `back_by`: when the last of them gives back at the latest what it did not cost."""

    limit: Limit
    begin: datetime
    end: datetime
    used_usd: Decimal
    reserved_usd: Decimal
    holders: int = 0
    back_by: datetime | None = None
    whose: Whose | None = None

    @property
    def free_usd(self) -> Decimal:
        return max(self.limit.usd - self.used_usd - self.reserved_usd, Decimal(0))


@frozen
class Ledger:
    """The limits of one bucket, and what counts against them."""

    limits: tuple[Limit, ...] = ()
    claims: tuple[Claim, ...] = ()

    # -- reading --------------------------------------------------------------------------------------------------

    def standing(self, limit: Limit, whose: Whose, at: datetime, *, without: str = "") -> Standing:
        """In the period of `at`, for the runs that share the limit with a run of `whose`, but for the run `without`."""
        begin, end = period(limit.per, at)
        group = limit.group(whose)
        mine = [
            one
            for one in self.claims
            if not (without and one.run_id == without) and one.within(begin, end) and limit.group(one.whose) == group
        ]
        held = [one for one in mine if not one.settled]
        return Standing(
            limit=limit,
            begin=begin,
            end=end,
            used_usd=sum((one.usd for one in mine if one.settled), Decimal(0)),
            reserved_usd=sum((one.usd for one in held), Decimal(0)),
            holders=len(held),
            back_by=max((one.until for one in held), default=None),
            whose=whose,
        )

    def standings(self, at: datetime) -> tuple[Standing, ...]:
        """Of every limit now. One that is for each alone has a row for all that have something in it, or a bare one."""
        rows: list[Standing] = []
        for limit in self.limits:
            begin, end = period(limit.per, at)
            groups = {limit.group(one.whose): one.whose for one in self.claims if one.within(begin, end)}
            groups.pop(None, None)
            if EACH not in limit.selectors:
                nobody = Whose(project=limit.project or "", owner=limit.owner or "", branch=limit.branch or "")
                rows.append(replace(self.standing(limit, nobody, at), whose=None))
            elif groups:
                rows += [self.standing(limit, whose, at) for _, whose in sorted(groups.items(), key=str)]
            else:
                rows.append(Standing(limit=limit, begin=begin, end=end, used_usd=Decimal(0), reserved_usd=Decimal(0)))
        return tuple(rows)

    def of_run(self, whose: Whose, at: datetime, *, without: str = "") -> tuple[Standing, ...]:
        """The limits that hold for a run of `whose`, as they stand."""
        holding = [one for one in self.limits if one.group(whose) is not None]
        return tuple(self.standing(limit, whose, at, without=without) for limit in holding)

    def shortage(self, claim: Claim) -> Standing | None:
        """The first limit and period in which `claim` does not fit; None: it fits."""
        for limit in self.limits:
            if limit.group(claim.whose) is None:
                continue
            for moment in _moments(limit.per, claim.since, claim.until):
                standing = self.standing(limit, claim.whose, moment, without=claim.run_id)
                if claim.usd > limit.usd - standing.used_usd - standing.reserved_usd:
                    return standing
        return None

    # -- the ledger after one step; each may be applied twice, as after a lost answer ---------------------------------

    def with_limit(self, limit: Limit) -> Ledger:
        others = tuple(one for one in self.limits if one.selectors != limit.selectors)
        return replace(self, limits=(*others, limit))

    def without_limit(self, selectors: tuple[str | None, ...]) -> Ledger:
        return replace(self, limits=tuple(one for one in self.limits if one.selectors != selectors))

    def with_claim(self, claim: Claim) -> Ledger:
        others = tuple(one for one in self.claims if one.run_id != claim.run_id)
        return replace(self, claims=(*others, claim))

    def settled(self, run_id: str, usd: Decimal | None, at: datetime) -> Ledger:
        """The run is over and cost `usd`; None: nobody knows, so that it goes on counting as what it may have cost,
        unless somebody knows later."""
        return replace(
            self,
            claims=tuple(
                replace(
                    one, settled=True, usd=one.usd if usd is None else usd, until=max(one.since, min(one.until, at))
                )
                if one.run_id == run_id and not (one.settled and usd is None)
                else one
                for one in self.claims
            ),
        )

    def compact(self, at: datetime) -> Ledger:
        """Without what no period of now or later counts; settled runs of earlier days are one claim a day and whose."""
        today = period("day", at)[0]
        oldest = min(period(per, at)[0] for per in get_args(Period))
        sums: dict[tuple[Whose, datetime, datetime], Claim] = {}
        kept: list[Claim] = []
        for one in self.claims:
            if one.until < oldest:
                continue
            if not one.settled or one.until >= today:
                kept.append(one)
                continue
            key = (one.whose, period("day", one.since)[0], period("day", one.until)[0])
            before = sums.get(key)
            sums[key] = replace(
                one,
                run_id="",
                usd=one.usd + (before.usd if before else Decimal(0)),
                since=min(one.since, before.since) if before else one.since,
                until=max(one.until, before.until) if before else one.until,
            )
        return replace(self, claims=(*sums.values(), *kept))


def period(per: Period, at: datetime) -> tuple[datetime, datetime]:
    """The first moment of the period of `at` (UTC), and that of the next one. Weeks begin on Monday."""
    day = at.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "hour":
        begin = at.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)
        return begin, begin + timedelta(hours=1)
    if per == "day":
        return day, day + timedelta(days=1)
    if per == "week":
        begin = day - timedelta(days=day.weekday())
        return begin, begin + timedelta(days=7)
    begin = day.replace(day=1)
    return begin, (begin + _LONGEST).replace(day=1)


def _moments(per: Period, since: datetime, until: datetime) -> Iterator[datetime]:
    """One in each period from `since` to `until`."""
    moment = since
    while moment <= until:
        yield moment
        moment = period(per, moment)[1]


def parse_limit(text: str, selectors: Iterable[str | None] = (None, None, None)) -> Limit:
    """`20/day`, `$5.50/week`. `selectors`: project, owner, branch. ValueError, whose text is a sentence."""
    match = _LIMIT.fullmatch(text.strip().lower())
    pers: tuple[Period, ...] = get_args(Period)
    per = next((one for one in pers if match is not None and match["per"] == one), None)
    if match is None or per is None:
        raise ValueError(f"{text[:40]!r} is no allowance; write an amount in USD a {', '.join(pers)}, such as 20/day")
    project, owner, branch = selectors
    return Limit(usd=Decimal(match["usd"]), per=per, project=project, owner=owner, branch=branch)
