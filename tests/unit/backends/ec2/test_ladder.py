"""What is asked for after a refusal, in which order, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import Events, FakeAws, FakeClock, PackagedMarket, ec2_backend, job, refused

from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.backends.ec2.capacity import Capacity
from aws_run.backends.ec2.ladder import after
from aws_run.backends.ec2.refusals import describe, passed_over, refusals
from aws_run.backends.ec2.scaling_activities import CapacityStatus, capacity_status
from aws_run.errors import CapacityError
from aws_run.events import Notice
from aws_run.lifecycle import budget
from aws_run.pricing.receipt import MachineUse
from aws_run.runs.spec import JobSpec, Offer, Rung

ZONES = ("us-east-1a", "us-east-1b")
FIRST = Rung(spot=True, instance_types=("m6i.large", "c7i.large"))
SPOT = Rung(spot=True, instance_types=("r6i.large", "g6.xlarge"))
BASE = Rung(spot=False, instance_types=("m6i.large",))


def failed(message: str, number: str = "1") -> dict[str, Any]:
    return {"StatusCode": "Failed", "StatusMessage": message, "ActivityId": number}


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("UnfulfillableCapacity", (SPOT, BASE)),
        ("Unsupported", (SPOT, BASE)),
        ("SpotMaxPriceTooLow", (SPOT, BASE)),
        # All standard types share a quota in one market; G types and on-demand have others.
        ("MaxSpotInstanceCountExceeded", (Rung(spot=True, instance_types=("g6.xlarge",)), BASE)),
        # What no type helps against may still be the market's.
        ("InsufficientFreeAddressesInSubnet", (BASE,)),
        ("unknown", (BASE,)),
    ],
)
def test_what_is_left_depends_on_what_was_refused(code: str, left: tuple[Rung, ...]) -> None:
    assert after((SPOT, BASE), code, FIRST) == left


def test_an_account_that_may_start_nothing_is_not_asked_for_other_types_on_demand() -> None:
    assert after((BASE,), "FreeTierOnly", replace(BASE, instance_types=("c7i.large",))) == ()
    assert after((BASE,), "VcpuLimitExceeded", replace(BASE, instance_types=("c7i.large",))) == ()


def test_each_type_and_zone_that_aws_names_is_a_line_of_its_own() -> None:
    text = "We currently do not have sufficient {} capacity in the Availability Zone you requested ({})."
    seen = [failed(text.format("c7i.large", "us-east-1b"), "2"), failed(text.format("m6i.large", "us-east-1a"), "1")]
    rung = replace(FIRST, spot=False)
    status = capacity_status(seen)
    assert refusals(seen, frozenset(), rung, ZONES, status) == [
        "tried: m6i.large on demand in us-east-1a: no capacity (InsufficientInstanceCapacity)",
        "tried: c7i.large on demand in us-east-1b: no capacity (InsufficientInstanceCapacity)",
    ]
    assert len(refusals(seen, frozenset({"1"}), rung, ZONES, status)) == 1


def test_a_refusal_that_names_none_is_that_of_all() -> None:
    status = CapacityStatus(state="failed", code="MaxSpotInstanceCountExceeded", text="no")
    rung = replace(FIRST, instance_types=("a1.large", "b1.large", "c1.large", "d1.large", "e1.large"))
    assert refusals([failed("Max spot instance count exceeded")], frozenset(), rung, ZONES, status) == [
        "tried: a1.large, b1.large, c1.large or 2 others spot in us-east-1a, us-east-1b: over the account's spot quota "
        "(MaxSpotInstanceCountExceeded)"
    ]
    assert describe(BASE) == "m6i.large on demand"


def test_what_a_group_on_demand_passed_over_shows_in_what_it_launched() -> None:
    rungs = (FIRST, Rung(spot=False, instance_types=("a1.large", "b1.large", "c1.large")))
    lines = list(passed_over(rungs, MachineUse(seconds=1, instance_type="c1.large"), ZONES[:1]))
    assert lines == [
        "tried: a1.large on demand in us-east-1a: no capacity (AWS took c1.large)",
        "tried: b1.large on demand in us-east-1a: no capacity (AWS took c1.large)",
    ]
    assert list(passed_over(rungs, MachineUse(seconds=1, instance_type="m6i.large"), ZONES)) == []


# -- the ladder of a request -------------------------------------------------------------------------------------------


class Market(PackagedMarket):
    """Spot costs 40 % of on-demand."""

    def __init__(self) -> None:
        super().__init__(spot_share=Decimal("0.4"))


def offer_of(wanted: JobSpec) -> tuple[Offer, Ec2Backend]:
    aws = FakeAws()
    subnets = [{"SubnetId": "subnet-1", "AvailabilityZone": "us-east-1a", "VpcId": "vpc-1", "DefaultForAz": True}]
    aws.on("describe_subnets", {"Subnets": [{**one, "AvailableIpAddressCount": 9} for one in subnets]})
    aws.on("get_parameter", {"Parameter": {"Value": "ami-1"}})
    backend = Ec2Backend(aws, FakeClock(), catalogue=Market(), prices=Market())
    return backend.inspect(wanted), backend


@pytest.mark.parametrize("policy", ["on-demand", "spot", "auto"])
def test_every_rung_holds_the_task_and_no_type_is_asked_for_twice_in_one_market(policy: Any) -> None:
    offer, _ = offer_of(job(spot_policy=policy))
    asked = [
        (name, spot)
        for spot, names in [
            (offer.hardware.spot, offer.hardware.instance_types),
            *((one.spot, one.instance_types) for one in offer.ladder),
        ]
        for name in names
    ]
    assert len(asked) == len(set(asked))
    assert [one.spot for one in offer.ladder] == {"on-demand": [False], "spot": [True], "auto": [False, False]}[policy]
    known = {kind.name: kind for kind in Market().types(None)}  # type: ignore[arg-type]
    for name, _spot in asked:
        assert known[name].usable_memory_mib >= offer.hardware.memory_mib
        assert known[name].vcpu >= offer.hardware.vcpu


def test_the_most_an_hour_may_cost_is_that_of_the_dearest_rung() -> None:
    offer, backend = offer_of(job(spot_policy="on-demand"))
    alone = replace(offer, ladder=())
    assert offer.ladder
    whole, first = budget.hour_usd(backend, offer), budget.hour_usd(backend, alone)
    assert whole is not None
    assert first is not None
    assert first < whole <= first * Decimal("1.5")


@pytest.mark.parametrize("limits", [{"max_cost_usd": 5.0}, {"max_price_usd_per_hour": 0.11}])
@pytest.mark.parametrize("policy", ["on-demand", "spot", "auto"])
def test_no_rung_is_dearer_than_a_limit(policy: Any, limits: Any) -> None:
    offer, backend = offer_of(job(spot_policy=policy, limits=limits))
    hour = budget.hour_usd(backend, offer)
    assert hour is not None
    if "max_price_usd_per_hour" in limits:
        assert hour <= Decimal(str(limits["max_price_usd_per_hour"]))
    else:
        assert hour == budget.hour_usd(backend, replace(offer, ladder=()))


def test_named_types_have_no_others_but_their_other_market() -> None:
    wanted = {"instance_types": ("m6i.large",)}
    assert offer_of(job(resources=wanted))[0].ladder == ()
    assert offer_of(job(resources=wanted, spot_policy="auto"))[0].ladder == (BASE,)


def in_one_subnet() -> Any:
    from tests.unit.fakes import spec

    offer = spec().offer
    network = replace(offer.network, subnets=("subnet-a",), zones=("us-east-1a",))
    return spec(offer=replace(offer, network=network, ladder=(BASE,)))


def test_a_machine_whose_id_is_known_is_not_looked_for_while_it_boots() -> None:
    asked, aws, clock, events = in_one_subnet(), FakeAws(), FakeClock(), Events()
    aws.on("launch_instances", {"Instances": [{"InstanceIds": ["i-1"]}]})
    aws.on("describe_scaling_activities", {"Activities": []})
    capacity = Capacity(aws, clock)
    capacity.ask(asked)
    for _ in range(10):
        capacity.check(asked, events.emit)
        clock.sleep(5)
    assert aws.operations == ["launch_instances"]
    clock.sleep(11)
    capacity.check(asked, events.emit)
    assert aws.operations == ["launch_instances", "describe_scaling_activities"]


def test_what_aws_answers_at_once_is_acted_on_at_the_first_look() -> None:
    asked, aws, clock, events = in_one_subnet(), FakeAws(), FakeClock(), Events()
    error = {
        "InstanceType": "c7i.large",
        "AvailabilityZone": "us-east-1a",
        "ErrorCode": "InsufficientInstanceCapacity",
        "ErrorMessage": "There is not enough capacity",
    }
    aws.on("launch_instances", {"Errors": [error]})
    aws.on("describe_scaling_activities", {"Activities": [failed("InsufficientInstanceCapacity")]})
    capacity = Capacity(aws, clock)
    capacity.ask(asked)
    capacity.check(asked, events.emit)
    line = "tried: c7i.large on demand in us-east-1a: no capacity (InsufficientInstanceCapacity)"
    assert [one.text for one in events.of(Notice)] == [line, "asking for m6i.large on demand instead"]
    capacity.check(asked, events.emit)
    assert len(aws.sent("update_auto_scaling_group")) == 1, "the old refusal is acted on once"
    assert capacity.tried(asked) == (line,)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAction", "UnsupportedOperation"])
def test_where_it_cannot_be_launched_at_once_the_group_is_asked(code: str) -> None:
    aws = FakeAws().on("launch_instances", refused(code))
    Capacity(aws, FakeClock()).ask(in_one_subnet())
    assert aws.operations == ["launch_instances", "update_auto_scaling_group"]
    (sizes,) = aws.sent("update_auto_scaling_group")
    assert (sizes["MinSize"], sizes["MaxSize"], sizes["DesiredCapacity"]) == (1, 1, 1)


def test_a_group_of_several_subnets_is_asked_by_its_size() -> None:
    from tests.unit.fakes import spec

    asked = spec()
    network = replace(asked.offer.network, subnets=("subnet-a", "subnet-b"), zones=ZONES)
    aws = FakeAws()
    Capacity(aws, FakeClock()).ask(spec(offer=replace(asked.offer, network=network)))
    assert aws.operations == ["update_auto_scaling_group"]


def test_rungs_are_asked_for_one_after_the_other_and_the_last_refusal_names_all() -> None:
    from tests.unit.fakes import spec

    offer = replace(spec().offer, hardware=replace(spec().offer.hardware, spot=True), ladder=(SPOT, BASE))
    asked = spec(offer=offer)
    aws, clock, events = FakeAws(), FakeClock(), Events()
    texts = ["UnfulfillableCapacity", "SpotMaxPriceTooLow", "VcpuLimitExceeded"]

    def answer(**_: Any) -> Any:
        number = len(aws.sent("update_auto_scaling_group"))
        return {"Activities": [failed(texts[number], str(number))]}

    aws.on("describe_scaling_activities", answer)
    capacity = Capacity(aws, clock)

    def look() -> None:
        for _ in range(20):
            capacity.check(asked, events.emit)
            clock.sleep(5)

    with pytest.raises(CapacityError, match=r"VcpuLimitExceeded .*; before that: .*no capacity.*; .*spot price"):
        look()
    sent = [one["MixedInstancesPolicy"] for one in aws.sent("update_auto_scaling_group")]
    kinds = [[each["InstanceType"] for each in one["LaunchTemplate"]["Overrides"]] for one in sent]
    assert kinds == [list(SPOT.instance_types), list(BASE.instance_types)]
    assert len(capacity.tried(asked)) == 3
    assert [one.text for one in events.of(Notice) if one.text.startswith("asking for")] == [
        "asking for r6i.large, g6.xlarge spot instead",
        "asking for m6i.large on demand instead",
    ]
    assert ec2_backend(aws, clock).tried(asked) == (), "another client has seen nothing of it"
