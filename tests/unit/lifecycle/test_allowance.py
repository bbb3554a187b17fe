"""What a run holds of the allowance: the most that it may cost, until its receipt or gc gives back the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import RUN, START, FakeAccount, job, record, refused, spec

from aws_run.errors import UsageError
from aws_run.lifecycle import allowance, budget
from aws_run.pricing import packaged
from aws_run.runs.allowance import EACH, Ledger, Limit
from aws_run.runs.allowances import KEY, Allowances
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.spec import RunSpec

TABLE = packaged.load()
HOUR = Decimal("0.096") + 40 * Decimal("0.08") / 730 + Decimal("0.005")  # m6i.large, disk, address


class Bench(FakeAccount):
    def __init__(self, *limits: Limit) -> None:
        super().__init__()
        self.backend = self.context.backends["ec2"]
        self.allowances = Allowances(self.store, self.clock)
        self.allowances.change(lambda ledger, now: replace(ledger, limits=limits), create=True)

    def spec(self, number: int = 0, **changes: Any) -> RunSpec:
        offer = self.backend_offer()
        run_id = f"{RUN[:-4]}{number:04x}"
        tags = {"aws-run:owner": "ann"}
        return spec(run_id=run_id, tags=tags, offer=offer, idle_s=600, ending_s=240, **changes)

    def backend_offer(self) -> Any:
        from aws_run.pricing import offers

        table = TABLE
        rate = table.on_demand("m6i.large", "us-east-1")
        assert rate is not None
        rates = offers.ec2_rates(
            ["m6i.large"], [], {"m6i.large": rate}, {}, table.region_rates("us-east-1"), public_ip=True
        )
        placed = spec().offer
        return replace(placed, hardware=replace(placed.hardware, rates=rates))

    def reserve(self, number: int = 0, branch: str = "main", **changes: Any) -> allowance.Reserved | None:
        return allowance.reserve(self.context, self.store, self.backend, self.spec(number, **changes), branch)

    @property
    def ledger(self) -> Ledger:
        return self.allowances.read().ledger

    def stored(self, number: int, **changes: Any) -> Record:
        written = record(run_id=f"{RUN[:-4]}{number:04x}", **changes)
        self.store.create(written)
        return written


def a_day(usd: str, **selectors: str) -> Limit:
    return Limit(usd=Decimal(usd), per="day", **selectors)  # type: ignore[arg-type]


def test_a_run_holds_its_deadline_at_its_price_with_its_wait_and_its_end() -> None:
    bench = Bench(a_day("1"))
    held = bench.reserve()
    assert held is not None
    assert held.claim.usd == pytest.approx(HOUR * (7200 + 600 + 240) / 3600, abs=Decimal("0.0001"))
    assert held.claim.usd >= HOUR * (7200 + 600 + 240) / 3600
    start, switch = budget.start_s(job()), timedelta(minutes=10)
    assert held.claim.until >= START + timedelta(seconds=start + 7200 + 600 + 240) + switch
    assert bench.ledger.claims == (held.claim,)


def test_a_run_for_which_no_limit_holds_holds_nothing() -> None:
    bench = Bench(a_day("0.01", owner="bob"), a_day("0.01", branch="other"))
    assert bench.reserve() is None
    assert bench.ledger.claims == ()


def test_a_run_whose_price_is_not_known_is_refused() -> None:
    bench = Bench(a_day("100"))
    unpriced = replace(bench.spec(), offer=spec().offer)
    with pytest.raises(UsageError, match=r"price of m6i\.large is not known"):
        allowance.reserve(bench.context, bench.store, bench.backend, unpriced, "")


def test_a_refusal_says_what_is_used_reserved_and_free_and_when_it_is_free_again() -> None:
    bench = Bench(a_day("0.60"))
    assert bench.reserve(1) is not None
    assert bench.reserve(2) is not None
    bench.allowances.change(lambda ledger, now: ledger.settled(bench.spec(1).run_id, Decimal("0.10"), now))
    assert bench.reserve(3) is not None
    with pytest.raises(UsageError) as caught:
        bench.reserve(4)
    text = caught.value.message
    assert text.startswith("The run may cost $0.24, and the allowance of $0.60 a day has $0.10 used, $0.47 reserved")
    assert " reserved by 2 runs, $0.0292 free; what 2 runs did not cost comes back by 2026-01-02 " in text
    assert "free again at 2026-01-03 00:00 UTC" in text
    assert caught.value.exit_code == 2


def test_a_refusal_names_what_would_fit() -> None:
    bench = Bench(a_day("0.50", owner=EACH))
    assert bench.reserve(1, timeout_s=4 * 3600) is not None
    with pytest.raises(UsageError) as caught:
        bench.reserve(2)
    assert "for owner ann has $0.00 used, $0.45 reserved by 1 run, $0.0538 free" in caught.value.message
    assert "what 1 run did not cost comes back by 2026-01-02 " in caught.value.message
    assert caught.value.hint == "--max-cost 0.05 would fit, or a shorter --timeout"


def test_one_that_never_fits_is_told_so() -> None:
    with pytest.raises(UsageError, match=r"it never fits"):
        Bench(a_day("0.10")).reserve()


def test_what_an_ended_run_could_not_give_back_is_given_back_when_another_needs_it() -> None:
    bench = Bench(a_day("0.30"))
    assert bench.reserve(1) is not None
    with pytest.raises(UsageError):
        bench.reserve(2)
    bench.stored(1, state="removed", cost_usd="0.02")
    assert bench.reserve(2) is not None
    assert next((one.settled, one.usd) for one in bench.ledger.claims) == (True, Decimal("0.02"))


def test_a_dead_clients_run_counts_as_the_most_it_may_have_cost_once_its_time_is_up() -> None:
    bench = Bench(replace(a_day("0.30"), per="month"))
    held = bench.reserve(1)
    assert held is not None
    bench.clock.sleep(5 * 3600)
    bench.stored(1, state="running")
    assert allowance.settle_ended(bench.context, bench.store) == 1
    (over,) = bench.ledger.claims
    assert (over.settled, over.usd) == (True, held.claim.usd)
    with pytest.raises(UsageError, match=r"0\.24 used"):
        bench.reserve(2)


def test_a_run_that_goes_on_keeps_what_it_holds() -> None:
    bench = Bench(a_day("1"))
    assert bench.reserve(1) is not None
    bench.stored(1, state="running")
    assert allowance.settle_ended(bench.context, bench.store) == 0
    assert not bench.ledger.claims[0].settled


NOT_STARTED = Outcome(exit_code=125, reason=OutcomeReason.NOT_STARTED, sentence="no")


@pytest.mark.parametrize(
    ("changes", "usd"),
    [
        ({"cost_usd": "0.5"}, "0.5"),
        ({"outcome": NOT_STARTED, "backend": "fargate"}, "0"),
        ({"outcome": NOT_STARTED, "backend": "ec2"}, None),  # its machine may have waited for it
        ({"outcome": NOT_STARTED, "backend": "a-later-one"}, None),
        ({"outcome": Outcome(exit_code=125, reason=OutcomeReason.LOST, sentence="no"), "backend": "fargate"}, None),
        ({}, None),
    ],
)
def test_only_a_run_that_can_have_cost_nothing_gives_all_of_it_back(changes: Any, usd: str | None) -> None:
    bench = Bench()
    assert allowance.cost_of(bench.context, record(**changes)) == (None if usd is None else Decimal(usd))


def test_a_run_that_holds_nothing_costs_no_request_at_its_end() -> None:
    bench = Bench(a_day("1"))
    before = len(bench.aws.calls)
    allowance.settle_record(bench.context, bench.store, record(cost_usd="1"))
    assert len(bench.aws.calls) == before
    allowance.settle_record(bench.context, bench.store, record(cost_usd="1", reserved_usd="2"))
    assert len(bench.aws.calls) > before


def test_what_cannot_be_given_back_now_is_left_to_gc() -> None:
    bench = Bench(a_day("1"))
    assert bench.reserve() is not None
    bench.aws.on("put_object", refused("AccessDenied"))
    allowance.settle(bench.context, bench.store, bench.spec().run_id, Decimal(0))
    (notice,) = list(bench.events)
    assert "could not be given back" in notice.text
    assert notice.hint == "`aws-run gc` gives it back"


def test_a_start_that_took_very_long_counts_in_the_time_that_follows_too() -> None:
    bench = Bench(a_day("0.30"))
    held = bench.reserve()
    assert held is not None
    allowance.renew(bench.context, bench.store, held.claim, held.claim.until - timedelta(hours=1))
    assert bench.ledger.claims == (held.claim,)
    tomorrow = START + timedelta(days=1)
    allowance.renew(bench.context, bench.store, held.claim, tomorrow)
    assert bench.ledger.claims[0].until > tomorrow
    bench.clock.sleep(24 * 3600)
    with pytest.raises(UsageError):
        bench.reserve(2)


def test_a_plan_holds_nothing_and_says_what_a_submit_would_hold() -> None:
    bench = Bench(a_day("1"), a_day("2", owner="ann"))
    seen = allowance.look(bench.context, bench.store, bench.backend, bench.spec(), "main")
    assert bench.ledger.claims == ()
    first, second = allowance.rows(seen)
    assert first.sentence == (
        "allowance of $1.00 a day: $0.00 used, $0.00 reserved by 0 runs, $1.00 free until 2026-01-03 00:00 UTC; "
        "this run holds $0.24 of it until it ends"
    )
    assert (second.limit_usd, second.free_usd) == (Decimal(2), Decimal(2))
    assert KEY in bench.bucket.objects
