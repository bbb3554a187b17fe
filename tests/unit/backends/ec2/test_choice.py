"""Whatever the market: what a run takes satisfies its request, and nothing that satisfies it is cheaper."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fakes import FakeAws, FakeClock, PackagedMarket, job

from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.config.models import SpotPolicy
from aws_run.errors import PreflightError, UsageError
from aws_run.lifecycle import budget
from aws_run.pricing import packaged
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.prices import Rate
from aws_run.runs.spec import JobSpec

ZONES = ("us-east-1a", "us-east-1b")
KINDS = {kind.name: kind for kind in packaged.load().types}
NAMES = sorted(KINDS)


@dataclass(frozen=True)
class Moved(PackagedMarket):
    """The packaged types at other prices, each in some zones. `shares`: of a type, what spot costs of on-demand in
    each zone, in percent; None: no spot price is known there."""

    factors: tuple[int, ...] = ()
    shares: tuple[tuple[int | None, int | None], ...] = ()
    places: tuple[tuple[bool, bool], ...] = ()

    def _of(self, name: str, values: tuple[Any, ...]) -> Any:
        return values[NAMES.index(name) % len(values)]

    def on_demand(self, names: Collection[str]) -> dict[str, Rate]:
        rates = super().on_demand(names)
        return {name: replace(rate, usd=rate.usd * self._of(name, self.factors) / 100) for name, rate in rates.items()}

    def spot(self, names: Collection[str]) -> dict[tuple[str, str], Rate]:
        return {
            (name, zone): replace(rate, usd=rate.usd * share / 100)
            for name, rate in self.on_demand(names).items()
            for zone, share in zip(ZONES, self._of(name, self.shares), strict=True)
            if share is not None
        }

    def zones(self, names: Collection[str]) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(zone for zone, there in zip(ZONES, self._of(name, self.places), strict=True) if there)
            for name in names
        }


SHARES = st.none() | st.integers(20, 130)
MARKETS = st.builds(
    Moved,
    factors=st.lists(st.integers(50, 200), min_size=7, max_size=7).map(tuple),
    shares=st.lists(st.tuples(SHARES, SHARES), min_size=5, max_size=5).map(tuple),
    places=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3).map(tuple),
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.builds(dict, value=st.sampled_from([2, 4, 8, 16]), at_least=st.booleans()),
        "memory_mib": st.builds(dict, value=st.sampled_from([4096, 16384, 65536]), at_least=st.just(True)),
        "gpu": st.builds(dict, count=st.sampled_from([1, 4, 8]), model=st.sampled_from([None, "L4", "A10G"])),
        "arch": st.sampled_from(["x86_64", "arm64"]),
    },
)


def satisfies(kind: InstanceType, wanted: JobSpec) -> bool:
    """Written from the documentation, not from the code."""
    request = wanted.resources
    if kind.arch != request.arch or kind.name.split(".")[0] in ("t2", "t3", "t3a", "t4g"):
        return False
    if request.gpu is None and (kind.gpus or kind.accelerated):
        return False
    if request.gpu is not None and kind.gpus != request.gpu.count:
        return False
    if request.gpu is not None and request.gpu.model and request.gpu.model != (kind.gpu_model or "").upper():
        return False
    cpu, memory = request.cpu, request.memory_mib
    least_cpu = cpu.value if cpu else 0 if request.gpu else 2
    least_memory = memory.value if memory else 0 if request.gpu else min(8192, (cpu.value if cpu else 2) * 4096)
    exact = cpu is not None and not cpu.at_least
    return (kind.vcpu == least_cpu if exact else kind.vcpu >= least_cpu) and kind.memory_mib >= least_memory


def prices(market: Moved, name: str, policy: SpotPolicy) -> list[Decimal]:
    """What a machine of that type may be had for now, in some zone and a market that the policy allows."""
    base = market.on_demand([name]).get(name)
    here = market.zones([name])[name]
    if base is None or not here:
        return []
    spot = [rate.usd for (_, zone), rate in market.spot([name]).items() if zone in here]
    most = [base.usd] if policy != "spot" else []
    return most + ([min([*spot, base.usd])] if policy != "on-demand" else [])


def backend(market: Moved) -> Ec2Backend:
    aws = FakeAws()
    subnets = [
        {"SubnetId": f"subnet-{zone}", "AvailabilityZone": zone, "VpcId": "vpc-1", "DefaultForAz": True,
         "AvailableIpAddressCount": 9} for zone in ZONES
    ]  # fmt: skip
    aws.on("describe_subnets", {"Subnets": subnets}).on("get_parameter", {"Parameter": {"Value": "ami-1"}})
    return Ec2Backend(aws, FakeClock(), catalogue=market, prices=market)


@settings(max_examples=40, deadline=None)
@given(
    market=MARKETS,
    request=REQUESTS,
    policy=st.sampled_from(["on-demand", "spot", "auto"]),
    limit=st.none() | st.sampled_from([0.05, 0.2, 1.0, 5.0]),
)
def test_the_choice_satisfies_the_request_and_none_that_does_is_cheaper(
    market: Moved, request: dict[str, Any], policy: SpotPolicy, limit: float | None
) -> None:
    limits = {"max_price_usd_per_hour": limit} if limit else {}
    wanted = job(resources=request, spot_policy=policy, limits=limits)
    hours = {name: prices(market, name, policy) for name in NAMES if satisfies(KINDS[name], wanted)}
    able = {name: min(each) for name, each in hours.items() if each}
    chosen = backend(market)
    try:
        offer = chosen.inspect(wanted)
    except (UsageError, PreflightError):
        # Nothing can be had, or nothing under the limit that holds for on-demand too where `auto` may take it.
        assert not able or limit is not None
        return
    first = offer.hardware.instance_types[0]
    assert first in able
    for name in offer.instance_types:
        assert satisfies(KINDS[name], wanted)
        assert market.zones([name])[name] & set(offer.network.zones)
    assert offer.hardware.vcpu <= KINDS[first].vcpu
    if limit is None:
        assert able[first] == min(able.values())
    else:
        most = budget.hour_usd(chosen, offer)
        assert policy == "spot" or (most is not None and most <= Decimal(str(limit)))


def test_a_cheaper_one_is_seen_if_the_order_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    market = Moved(factors=(100,), shares=((None, None),), places=((True, True),))
    from aws_run.pricing import offers

    monkeypatch.setattr(
        offers, "ranked", lambda choices: tuple(sorted(choices, key=lambda one: -(one.usd_per_hour or 0)))
    )
    offer = backend(market).inspect(job())
    able = [usd for name in NAMES if satisfies(KINDS[name], job()) for usd in prices(market, name, "on-demand")]
    assert prices(market, offer.hardware.instance_types[0], "on-demand")[0] > min(able)
