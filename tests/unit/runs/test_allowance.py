"""The allowance: periods, groups, what fits; and that no race, crash or clock makes runs cost more than it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fakes import ACCOUNT, BUCKET, START, FakeAws, FakeBucket, FakeClock, refused

from aws_run.errors import AwsCallError, AwsRunError, DamagedError
from aws_run.runs.allowance import EACH, Claim, Ledger, Limit, Whose, parse_limit, period
from aws_run.runs.allowances import KEY, Allowances, dump, load
from aws_run.runs.store import RunStore

ANN = Whose(project="demo", owner="ann", branch="main")
BOB = Whose(project="demo", owner="bob", branch="topic/x")
DAY = Limit(usd=Decimal(20), per="day")


def claim(usd: int | str, *, run: int = 1, whose: Whose = ANN, begin: datetime = START, hours: float = 1) -> Claim:
    run_id = f"{whose.project}-20260102-030405-{run:04x}"
    return Claim(run_id=run_id, whose=whose, usd=Decimal(usd), since=begin, until=begin + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "usd", "per"),
    [
        ("20/day", "20", "day"),
        ("$5.50/week", "5.50", "week"),
        (" 100 / month ", "100", "month"),
        ("1/HOUR", "1", "hour"),
    ],
)
def test_an_allowance_is_an_amount_for_a_time(text: str, usd: str, per: str) -> None:
    assert parse_limit(text) == Limit(usd=Decimal(usd), per=per)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["20", "20/year", "day/20", "-1/day", "1e9/day", "nan/day", "", "20/day/week"])
def test_anything_else_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 20/day"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("per", "begin", "end"),
    [
        ("hour", "2026-01-31T23:00", "2026-02-01T00:00"),
        ("day", "2026-01-31T00:00", "2026-02-01T00:00"),
        ("week", "2026-01-26T00:00", "2026-02-02T00:00"),
        ("month", "2026-01-01T00:00", "2026-02-01T00:00"),
    ],
)
def test_periods_are_the_calendars_in_utc(per: Any, begin: str, end: str) -> None:
    at = datetime(2026, 2, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert [moment.isoformat()[:16] for moment in period(per, at)] == [begin, end]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from(["hour", "day", "week", "month"]))
def test_every_moment_is_in_its_period_and_the_next_one_begins_where_it_ends(at: datetime, per: Any) -> None:
    moment = at.replace(tzinfo=timezone.utc)
    begin, end = period(per, moment)
    assert begin <= moment < end
    assert period(per, begin) == (begin, end)
    assert period(per, end)[0] == end


def test_a_run_that_goes_on_into_tomorrow_has_to_fit_there_too() -> None:
    late = START.replace(hour=23, minute=30)
    tomorrow = claim(15, run=1, whose=BOB, begin=late + timedelta(hours=2))
    ledger = Ledger(limits=(DAY,), claims=(tomorrow,))
    assert ledger.shortage(claim(10, run=2, begin=late, hours=0.2)) is None
    short = ledger.shortage(claim(10, run=2, begin=late, hours=1))
    assert short is not None
    assert (short.begin.day, short.free_usd) == (late.day + 1, Decimal(5))


def test_what_a_run_did_not_cost_is_free_once_it_is_settled() -> None:
    ledger = Ledger(limits=(DAY,), claims=(claim(20),))
    assert ledger.shortage(claim(1, run=2)) is not None
    settled = ledger.settled(claim(20).run_id, Decimal("0.5"), START + timedelta(minutes=5))
    assert settled.shortage(claim("19.5", run=2)) is None
    assert settled.shortage(claim("19.51", run=2)) is not None


def test_one_whose_cost_nobody_knows_counts_as_the_most_until_somebody_does() -> None:
    ledger = Ledger(limits=(DAY,), claims=(claim(20),)).settled(claim(20).run_id, None, START)
    assert ledger.standing(DAY, ANN, START).used_usd == 20
    assert ledger.settled(claim(20).run_id, Decimal(3), START).standing(DAY, ANN, START).used_usd == 3


def test_an_allowance_is_for_all_for_one_or_for_each() -> None:
    held = Ledger(claims=(claim(6),))
    for limit, theirs in (
        (Limit(usd=Decimal(10), per="day"), False),
        (Limit(usd=Decimal(10), per="day", project="demo"), False),
        (Limit(usd=Decimal(10), per="day", project="other"), True),
        (Limit(usd=Decimal(10), per="day", owner="ann"), True),
        (Limit(usd=Decimal(10), per="day", owner=EACH), True),
        (Limit(usd=Decimal(10), per="day", project="demo", branch=EACH), True),
        (Limit(usd=Decimal(10), per="day", project=EACH), False),
    ):
        fits = held.with_limit(limit).shortage(claim(5, run=2, whose=BOB)) is None
        assert fits is theirs, limit.describe()


def test_setting_it_again_changes_it_and_another_one_is_beside_it() -> None:
    ledger = Ledger().with_limit(DAY).with_limit(Limit(usd=Decimal(30), per="week"))
    assert [one.usd for one in ledger.limits] == [30]
    both = ledger.with_limit(Limit(usd=Decimal(1), per="day", owner="ann"))
    assert len(both.limits) == 2
    assert both.without_limit(DAY.selectors).limits == both.limits[1:]


def test_settled_runs_of_earlier_days_are_summed_and_what_no_period_counts_is_dropped() -> None:
    month = Limit(usd=Decimal(100), per="month")
    claims = [replace(claim(1, run=n, begin=START - timedelta(hours=30)), settled=True) for n in range(5)]
    old = replace(claim(50, run=9, begin=START - timedelta(days=40)), settled=True)
    ledger = Ledger(limits=(month,), claims=(*claims, old, claim(7, run=10)))
    at = START + timedelta(minutes=1)
    small = ledger.compact(at)
    assert len(small.claims) == 2
    assert small.standing(month, ANN, at) == ledger.standing(month, ANN, at)
    assert small.compact(at) == small


@given(st.lists(st.tuples(st.integers(0, 90 * 24), st.integers(0, 60), st.integers(1, 9), st.booleans()), max_size=12))
def test_what_is_compacted_stands_as_before(runs: list[tuple[int, int, int, bool]]) -> None:
    at = START + timedelta(days=90)
    claims = tuple(
        replace(
            claim(usd, run=n, whose=BOB if usd % 2 else ANN, begin=START + timedelta(hours=h), hours=long), settled=s
        )
        for n, (h, long, usd, s) in enumerate(runs)
    )
    limits = tuple(Limit(usd=Decimal(9), per=per, owner=EACH) for per in ("hour", "day", "week", "month"))  # type: ignore[arg-type]
    ledger = Ledger(limits=limits[:1], claims=claims)
    for limit in limits:
        for whose in (ANN, BOB):
            assert ledger.compact(at).standing(limit, whose, at) == ledger.standing(limit, whose, at)


# -- the object --------------------------------------------------------------------------------------------------------


class Place:
    """A bucket that several clients write; each has a clock of its own, which may be anything."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws()
        self.bucket = FakeBucket(self.aws, self.clock)

    def client(self, skew: timedelta = timedelta()) -> Allowances:
        return Allowances(RunStore(self.aws, BUCKET, ACCOUNT), FakeClock(START + skew), chance=lambda: 0.5)

    @property
    def ledger(self) -> Ledger:
        return load(self.bucket.objects[KEY][0])


@pytest.fixture
def place() -> Place:
    made = Place()
    made.client().change(lambda ledger, now: ledger.with_limit(DAY), create=True)
    return made


def test_the_object_is_read_as_it_was_written() -> None:
    ledger = Ledger(limits=(DAY, replace(DAY, branch=EACH, project="demo")), claims=(claim("1.2345"), claim(1, run=2)))
    assert load(dump(ledger)) == ledger


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"version":1}',
        *(b'{"version":1,"limits":[{"usd":"%s","per":"day"}],"claims":[]}' % usd for usd in (b"NaN", b"1E-999999999")),
    ],
)
def test_one_that_cannot_be_read_lets_no_run_start(place: Place, body: bytes) -> None:
    place.aws.call("s3", "put_object", Key=KEY, Body=body)
    with pytest.raises(DamagedError, match=r"no run can be held to it"):
        place.client().read()
    place.client().discard()
    assert place.client().read().etag is None


def test_one_of_a_newer_version_is_not_written_over(place: Place) -> None:
    place.aws.call("s3", "put_object", Key=KEY, Body=b'{"version":2}')
    with pytest.raises(AwsRunError, match=r"newer aws-run"):
        place.client().change(lambda ledger, now: Ledger(), create=True)


def test_where_there_is_none_nothing_is_written(place: Place) -> None:
    place.client().discard()
    assert place.client().change(lambda ledger, now: ledger.with_claim(claim(1))).etag is None
    assert KEY not in place.bucket.objects


def test_it_goes_with_its_last_limit(place: Place) -> None:
    place.client().change(lambda ledger, now: ledger.without_limit(DAY.selectors))
    assert KEY not in place.bucket.objects


def test_the_time_is_the_buckets(place: Place) -> None:
    place.clock.sleep(100)
    times = []
    place.client(timedelta(days=300)).change(lambda ledger, now: times.append(now))  # type: ignore[func-returns-value]
    assert times == [(START + timedelta(seconds=100)).replace(microsecond=0)]


def test_a_client_that_slept_between_reading_and_writing_reads_again(place: Place) -> None:
    times: list[datetime] = []

    def step(ledger: Ledger, now: datetime) -> Ledger:
        if not times:
            place.clock.sleep(3600)
        times.append(now)
        return ledger.with_claim(claim(1, begin=now))

    place.client().change(step)
    assert len(times) == 2
    assert place.ledger.claims[0].since == times[1] >= START + timedelta(hours=1)


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"])
def test_a_write_that_meets_another_is_made_again_on_top_of_it(place: Place, code: str) -> None:
    put, turns = place.bucket._put, itertools.count()

    def once(**request: Any) -> Any:
        if next(turns) == 0:
            raise refused(code, operation="PutObject")
        return put(**request)

    place.aws.on("put_object", once)
    place.client().change(lambda ledger, now: ledger.with_claim(claim(1)))
    assert place.ledger.claims == (claim(1),)


def test_what_others_rewrite_without_end_is_given_up_with_a_sentence(place: Place) -> None:
    place.aws.on("put_object", refused("PreconditionFailed", operation="PutObject"))
    with pytest.raises(AwsRunError, match=r"again and again"):
        place.client().change(lambda ledger, now: ledger.with_claim(claim(1)))


def test_any_other_refusal_is_raised(place: Place) -> None:
    place.aws.on("put_object", refused("AccessDenied", operation="PutObject"))
    with pytest.raises(AwsCallError, match=r"AccessDenied"):
        place.client().change(lambda ledger, now: ledger.with_claim(claim(1)))


# -- races, crashes, clocks --------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The client is gone."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A client that wants to start a run. `crash`: before its write, after it (nothing of the run begins), or never.
    `costs`: how much of the most it costs in the end, in percent, and `at`: when, in percent of its time. `ends`: its
    receipt comes; else its client is dead. `waits_s`: before it."""

    usd: int
    hours: int
    whose: Whose
    skew: timedelta
    crash: str
    costs: int
    at: int
    ends: bool
    waits_s: int


STARTS = st.builds(
    Start,
    usd=st.integers(1, 12),
    hours=st.integers(1, 30),
    whose=st.sampled_from([ANN, BOB]),
    skew=st.integers(-500_000, 500_000).map(lambda seconds: timedelta(seconds=seconds)),
    crash=st.sampled_from(["never", "never", "before", "after"]),
    costs=st.integers(0, 100),
    at=st.integers(0, 100),
    ends=st.booleans(),
    waits_s=st.sampled_from([0, 0, 1, 3600, 40_000]),
)
LIMITS = (
    Limit(usd=Decimal(20), per="day"),
    Limit(usd=Decimal(12), per="day", owner=EACH),
    Limit(usd=Decimal(35), per="week", project="demo"),
)


@dataclass
class World:
    """What really happens: when which money is spent."""

    place: Place = field(default_factory=Place)
    spent: list[tuple[datetime, Decimal, Whose]] = field(default_factory=list)
    running: list[tuple[datetime, str, Decimal]] = field(default_factory=list)  # when each one's receipt comes
    racing: list[Start] = field(default_factory=list)  # those who write while another is between reading and writing
    runs: Any = field(default_factory=itertools.count)

    def start(self, one: Start) -> None:
        self.place.clock.sleep(one.waits_s)
        self.settle()
        number = next(self.runs)
        made: list[Claim] = []

        def step(ledger: Ledger, now: datetime) -> Ledger | None:
            made.clear()
            wanted = claim(one.usd, run=number, whose=one.whose, begin=now, hours=one.hours)
            if ledger.shortage(wanted) is not None:
                return None
            if one.crash == "before":
                raise Crash
            made.append(wanted)
            if self.racing:
                self.start(self.racing.pop())
            return ledger.with_claim(wanted)

        try:
            self.place.client(one.skew).change(step)
        except Crash:
            return
        if not made or one.crash == "after":
            return
        began = made[0]
        usd = began.usd * one.costs / 100
        moment = began.since + (began.until - began.since) * one.at / 100
        self.spent.append((moment, usd, one.whose))
        if one.ends:
            self.running.append((moment, began.run_id, usd))

    def settle(self) -> None:
        now = self.place.clock.now()
        for ended in [one for one in self.running if one[0] <= now]:
            self.running.remove(ended)
            self.place.client().change(lambda ledger, at, ended=ended: ledger.settled(ended[1], ended[2], at))  # type: ignore[misc]

    def exceeded(self) -> list[str]:
        sums: dict[tuple[Any, ...], Decimal] = {}
        for moment, usd, whose in self.spent:
            for limit in LIMITS:
                if (group := limit.group(whose)) is not None:
                    key = (limit, group, period(limit.per, moment)[0])
                    sums[key] = sums.get(key, Decimal(0)) + usd
        return [
            f"{limit.describe()} {group} {begin}: {usd}"
            for (limit, group, begin), usd in sums.items()
            if usd > limit.usd
        ]


def play(starts: list[Start], racing: list[Start]) -> World:
    world = World(racing=list(racing))

    def set_limits(ledger: Ledger, now: datetime) -> Ledger:
        for limit in LIMITS:
            ledger = ledger.with_limit(limit)
        return ledger

    world.place.client().change(set_limits, create=True)
    for one in starts:
        world.start(one)
    return world


@settings(max_examples=50, deadline=None)
@given(st.lists(STARTS, min_size=1, max_size=14), st.lists(STARTS, max_size=6))
def test_no_number_of_racing_and_crashing_clients_with_wrong_clocks_spends_more_than_it(
    starts: list[Start], racing: list[Start]
) -> None:
    assert play(starts, racing).exceeded() == []


def test_the_property_fails_where_a_write_is_unconditional(monkeypatch: pytest.MonkeyPatch) -> None:
    put: Callable[..., Any] = FakeBucket._put

    def careless(self: FakeBucket, *, IfMatch: str | None = None, **request: Any) -> Any:
        return put(self, **request)

    monkeypatch.setattr(FakeBucket, "_put", careless)
    one = Start(
        usd=12, hours=1, whose=ANN, skew=timedelta(), crash="never", costs=100, at=50, ends=False, waits_s=0
    )  # fmt: skip
    assert play([one], [one]).exceeded() != []
