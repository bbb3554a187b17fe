"""The order of offers: the first is never dearer than another that satisfies the request, in any market or zone."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aws_run.pricing import offers, packaged
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.offers import Beside, Choice
from aws_run.pricing.prices import Rate, RegionRates

NAMES = [f"m{number}.large" for number in range(1, 7)]
ZONES = ("a", "b", "c")
USD = st.decimals(min_value="0.0001", max_value="50", places=4)
BESIDE = Beside(disk_usd_per_hour=Decimal("0.0044"), address_usd_per_hour=Decimal("0.005"))


def rate(usd: Decimal) -> Rate:
    return Rate(usd=usd, source="test", as_of="2026-01-01")


def types(names: list[str]) -> tuple[InstanceType, ...]:
    return tuple(InstanceType(name=name, vcpu=2, memory_mib=8192) for name in names)


MARKETS = st.fixed_dictionaries(
    {
        "on_demand": st.dictionaries(st.sampled_from(NAMES), USD),
        "spot": st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from(ZONES)), USD),
        "zones": st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(ZONES), unique=True)),
    }
)


def choose(market: dict[str, dict], policy: str) -> tuple[Choice, ...]:  # type: ignore[type-arg]
    return offers.ec2_choices(
        types(NAMES),
        zones=market["zones"],
        on_demand={name: rate(usd) for name, usd in market["on_demand"].items()},
        spot={key: rate(usd) for key, usd in market["spot"].items()},
        policy=policy,  # type: ignore[arg-type]
        beside=BESIDE,
    )


@given(market=MARKETS, policy=st.sampled_from(["on-demand", "spot", "auto"]))
def test_the_first_offer_is_never_dearer_than_any_that_can_be_had(market: dict[str, dict], policy: str) -> None:  # type: ignore[type-arg]
    choices = choose(market, policy)
    beside = BESIDE.usd_per_hour
    assert beside is not None
    possible = []  # written down once more, from the prices alone
    for name, zones in market["zones"].items():
        base = market["on_demand"].get(name)
        if zones and policy != "spot" and base is not None:
            possible.append(base + beside)
        if zones and policy != "on-demand":
            here = [market["spot"][name, zone] for zone in zones if (name, zone) in market["spot"]]
            bound = [base] if base is not None else []
            if here or bound:
                possible.append(min([*here, *bound]) + beside)
    if not any(market["zones"].values()):
        assert choices == ()
    elif possible:
        assert choices[0].usd_per_hour == min(possible)
    else:
        assert choices[0].usd_per_hour is None


@given(market=MARKETS, policy=st.sampled_from(["on-demand", "spot", "auto"]))
def test_an_offer_is_only_where_a_zone_has_it_and_in_a_market_that_is_wanted(
    market: dict[str, dict],  # type: ignore[type-arg]
    policy: str,
) -> None:
    for one in choose(market, policy):
        assert set(one.zones) <= set(market["zones"][one.name])
        assert one.zones
        assert policy == "auto" or one.spot is (policy == "spot")
        base = market["on_demand"].get(one.name)
        if one.spot and base is not None and one.machine_usd_per_hour is not None:
            assert one.machine_usd_per_hour <= base


@given(market=MARKETS, spot=st.booleans())
def test_the_types_of_a_group_begin_with_the_best_and_cost_at_most_twice_as_much(
    market: dict[str, dict],  # type: ignore[type-arg]
    spot: bool,
) -> None:
    choices = [one for one in choose(market, "auto") if one.spot is spot]
    names = offers.group_types(choices, spot=spot, named=False)
    assert names[:1] == tuple(one.name for one in choices[:1])
    hours = {one.name: one.usd_per_hour for one in choices}
    first = hours[names[0]] if names else None
    if first is not None:
        assert all((hours[name] or Decimal(0)) <= 2 * first for name in names)


def test_named_types_are_all_taken_whatever_they_cost() -> None:
    market = {"on_demand": {"m1.large": Decimal(1), "m2.large": Decimal(9)}, "spot": {}, "zones": {"m1.large": ["a"], "m2.large": ["a"]}}  # fmt: skip
    assert offers.group_types(choose(market, "on-demand"), spot=False, named=True) == ("m1.large", "m2.large")


def test_a_fargate_size_costs_its_processors_memory_disk_and_address() -> None:
    rates = packaged.load().region_rates("us-east-1")
    choice = offers.fargate_choice(
        rates, vcpu=2, memory_mib=8192, disk_gib=50, arch="x86_64", spot=False, zones=("a",), public_ip=True
    )
    assert choice.usd_per_hour == Decimal("0.08096") + Decimal("0.03556") + 30 * Decimal("0.000111") + Decimal("0.005")
    assert choice.at_most is False


def test_fargate_spot_without_a_price_counts_as_what_fargate_costs() -> None:
    rates = packaged.load().region_rates("eu-central-1")
    assert not rates.fargate_spot_vcpu_hour
    spot, plain = (
        offers.fargate_choice(
            rates, vcpu=2, memory_mib=8192, disk_gib=20, arch="x86_64", spot=spot, zones=("a",), public_ip=True
        )
        for spot in (True, False)
    )
    assert spot.usd_per_hour == plain.usd_per_hour is not None
    assert (spot.at_most, plain.at_most) == (True, False)


def test_a_region_without_prices_has_offers_without_a_price_and_never_another_regions() -> None:
    rates = packaged.load().region_rates("ap-southeast-3")
    assert rates == RegionRates(region="ap-southeast-3")
    choice = offers.fargate_choice(
        rates, vcpu=1, memory_mib=2048, disk_gib=20, arch="arm64", spot=False, zones=("a",), public_ip=False
    )
    assert choice.usd_per_hour is None
    assert packaged.load().on_demand("m7i.large", "ap-southeast-3") is None
