"""Whole runs and what they cost: prices of the run's own region, limits that hold there, and a price list that fails."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.crash.story import Begin, Story, hang_up

from aws_run.aws.cache import MemoryCache
from aws_run.errors import UsageError
from aws_run.local.http.protocol import Refusal
from aws_run.local.sim.price_set import price_set
from aws_run.pricing import packaged
from aws_run.report.views import ReceiptView
from aws_run.usecases.plan import plan


def cold(story: Story) -> Story:
    """That of a machine that has read no prices yet."""
    story.cache = MemoryCache(clock=story.clock())
    story.context = story.new_bench()
    return story


def billed(story: Story) -> float:
    return sum(line.usd for line in story.account.bill())


def receipt_of(story: Story, **flags: object) -> ReceiptView:
    done = story.submit(**flags)
    assert done.exit_code == 0
    assert done.view.receipt is not None
    return done.view.receipt


@pytest.mark.parametrize("region", ["eu-central-1", "sa-east-1"])
def test_a_run_in_another_region_is_priced_there(begin: Begin, region: str) -> None:
    story = cold(begin(region=region))
    receipt = receipt_of(story, backend="ec2")
    name = receipt.lines[0].what
    assert receipt.lines[0].unit_price_usd == price_set().on_demand(region, name)
    assert float(receipt.total_usd) == pytest.approx(billed(story), rel=0.01)
    hardware = story.record().hardware
    assert hardware is not None
    assert {rate.as_of for rate in hardware.rates} == {price_set().recorded_on}


def test_a_limit_holds_at_the_regions_own_price(begin: Begin) -> None:
    """A machine that costs less than this in us-east-1 costs more in sa-east-1."""
    flags = {"backend": "ec2", "max_price": "0.12"}
    here, there = (price_set().on_demand(region, "m5a.large") for region in ("us-east-1", "sa-east-1"))
    assert here is not None
    assert there is not None
    assert here + Decimal("0.01") < Decimal("0.12") < there
    story = begin(region="sa-east-1")
    with pytest.raises(UsageError, match=r"costs at most \$0\.12") as refused:
        story.submit(**flags)
    assert "the cheapest is" in str(refused.value.hint)
    assert story.account.stored() == []


def test_who_may_not_read_the_price_list_gets_the_packaged_prices_and_hears_of_it(begin: Begin) -> None:
    story = cold(begin())
    story.refuse("pricing:GetProducts", "AccessDeniedException", times=None)
    view = plan(story.config(backend="ec2"), story.context)
    assert any("pricing:GetProducts" in note and packaged.LABEL in note for note in view.notes)
    receipt = receipt_of(story, backend="ec2")
    assert packaged.LABEL in receipt.sources
    assert receipt.priced_on is not None
    assert receipt.priced_on.isoformat() == packaged.load().priced_on


@pytest.mark.parametrize("operation", ["pricing:GetProducts", "ec2:DescribeSpotPriceHistory"])
@pytest.mark.parametrize("how", ["refused", "lost", "broken"])
def test_prices_that_fail_end_no_run(begin: Begin, operation: str, how: str) -> None:
    story = cold(begin())
    app = story.account.embedded.app
    assert app is not None
    answers = {
        "refused": lambda seen, call: call.refuse(Refusal("AccessDeniedException", "no", status=403)),
        "lost": lambda seen, call: hang_up(call, app.dispatch(call)),
        "broken": lambda seen, call: call.refuse(Refusal("InternalError", "no", status=500)),
    }
    story.on_call(operation, answers[how], times=None)
    receipt = receipt_of(story, backend="ec2", spot=True)
    assert receipt.total_usd > 0
    assert float(receipt.total_usd) >= billed(story) * 0.99, "an unknown spot price counts as on-demand's"


def test_a_burstable_type_is_never_chosen_and_a_named_one_cannot_cost_more_than_its_price(begin: Begin) -> None:
    story = begin()
    view = plan(story.config(backend="ec2"), story.context)
    assert not any(f"{family}." in view.backend for family in ("t2", "t3", "t3a", "t4g"))
    receipt = receipt_of(story, backend="ec2", instance_type=("t3.large",))
    assert receipt.lines[0].unit_price_usd == Decimal("0.0832")
    made = [seen.text for seen in story.script.happened if seen.operation == "CreateLaunchTemplate"]
    assert "CpuCredits=standard" in made[-1]
    mixed = story.submit(backend="ec2", instance_type=("t3.medium", "m6i.large"), memory="4GB")
    assert mixed.exit_code == 0
    made = [seen.text for seen in story.script.happened if seen.operation == "CreateLaunchTemplate"]
    assert "CpuCredits" not in made[-1]
    rates = story.record().hardware.rates  # type: ignore[union-attr]
    (loaded,) = (rate for rate in rates if rate.instance_type == "t3.medium")
    assert Decimal(loaded.usd) == Decimal("0.0416") + Decimal("1.6") * Decimal("0.05")


def test_cpu_credits_are_billed_in_unlimited_mode_alone_and_no_run_costs_more_than_its_receipt(begin: Begin) -> None:
    """The embedded AWS bills a burstable machine as wholly busy while a task runs on it."""
    # The other type is not to be had, so the group's machine is the burstable one.
    story = begin(no_capacity=("m6i.large",))

    def credits_usd() -> float:
        return sum(line.usd for line in story.account.bill() if line.kind == "cpu-credits")

    alone = receipt_of(story, backend="ec2", instance_type=("t3.medium",), memory="3GB")
    assert credits_usd() == 0, "in standard mode"
    before = billed(story)
    assert float(alone.total_usd) == pytest.approx(before, rel=0.01)
    mixed = receipt_of(story, backend="ec2", instance_type=("t3.medium", "m6i.large"), memory="3GB")
    assert mixed.lines[0].what == "t3.medium"
    assert credits_usd() > 0
    assert credits_usd() < billed(story) - before <= float(mixed.total_usd) * 1.001


def test_a_limit_on_spot_is_held_by_aws_and_the_market_may_move(begin: Begin) -> None:
    story = begin()
    assert story.submit("--hang", backend="ec2", spot=True, max_cost="0.20", detach=True).exit_code == 0
    hardware = story.record().hardware
    assert hardware is not None
    assert hardware.spot_max_usd_per_hour is not None
    made = [seen.text for seen in story.script.happened if seen.operation == "CreateAutoScalingGroup"]
    assert f"SpotMaxPrice={hardware.spot_max_usd_per_hour}" in made[-1]
    story.account.until(story.account.running)
    story.account.advance(3 * 3600)
    assert story.account.still_bills() == []
    assert 0 < billed(story) <= 0.20


def test_the_price_per_hour_is_held_to_the_spot_market_and_not_to_what_it_never_reaches(begin: Begin) -> None:
    """On demand the cheapest machine costs more than this limit."""
    story = begin()
    receipt = receipt_of(story, backend="ec2", spot=True, max_price="0.07")
    assert "spot" in receipt.lines[0].what
    with pytest.raises(UsageError, match=r"at most \$0\.07"):
        story.submit(backend="ec2", spot_policy="auto", max_price="0.07")
    with pytest.raises(UsageError, match=r"at most \$0\.02"):
        story.submit(backend="ec2", spot=True, max_price="0.02")


def test_a_warm_machine_asks_for_no_price_again(begin: Begin) -> None:
    story = cold(begin())
    assert story.submit(backend="ec2").exit_code == 0
    before = len(story.operations())
    assert story.submit(backend="ec2").exit_code == 0
    again = story.operations()[before:]
    for operation in ("pricing:GetProducts", "ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings"):
        assert operation not in again
        assert operation in story.operations()
