"""A type whose price nobody knows keeps no limit and no allowance from being kept: it is left out, and named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.backends.ec2.test_choice import Moved, backend
from tests.unit.fakes import START, job, spec

from aws_run.errors import UsageError
from aws_run.lifecycle import allowance, budget
from aws_run.pricing.known_prices import left_out_note
from aws_run.pricing.prices import Rate
from aws_run.runs.allowance import Claim, Whose
from aws_run.runs.spec import JobSpec

NAMED = {"instance_types": ["g6.2xlarge", "g6.xlarge"]}


@dataclass(frozen=True)
class Unpriced(Moved):
    """The price list has none of `without`; the spot market does, as in regions with new types."""

    without: tuple[str, ...] = ("g6.2xlarge",)

    def on_demand(self, names: Collection[str]) -> dict[str, Rate]:
        return super().on_demand([name for name in names if name not in self.without])

    def spot(self, names: Collection[str]) -> dict[tuple[str, str], Rate]:
        return Moved(factors=self.factors, shares=self.shares, places=self.places).spot(names)


def wanted(policy: str, resources: dict[str, Any] | None = None, **limits: float) -> JobSpec:
    return job(resources=resources or {"gpu": {"count": 1, "model": "L4"}}, spot_policy=policy, limits=limits)


def market(*without: str) -> Unpriced:
    return Unpriced(factors=(100,), shares=((30, 30),), places=((True, True),), without=without or ("g6.2xlarge",))


def a_claim(chosen: Any, wanted: JobSpec) -> Claim:
    run = spec(job=wanted, offer=chosen.inspect(wanted))
    return allowance.claim_of(chosen, run, Whose(project="demo", owner="", branch=""), START)


@pytest.mark.parametrize("policy", ["on-demand", "spot", "auto"])
def test_a_run_holds_its_part_of_an_allowance_without_the_type_that_has_no_price(policy: str) -> None:
    chosen, asked = backend(market()), wanted(policy)
    offer = chosen.inspect(asked)
    assert "g6.2xlarge" not in offer.instance_types
    assert "g6.xlarge" in offer.instance_types
    assert "g6.2xlarge left out: its price is not known" in offer.notes
    assert a_claim(chosen, asked).usd > 0


@pytest.mark.parametrize("policy", ["on-demand", "auto"])
@pytest.mark.parametrize("limit", ["max_cost_usd", "max_price_usd_per_hour"])
@pytest.mark.parametrize("resources", [None, NAMED])
def test_a_limit_is_kept_without_it_too(policy: str, limit: str, resources: dict[str, Any] | None) -> None:
    chosen, asked = backend(market()), wanted(policy, resources, **{limit: 5.0})
    offer = chosen.inspect(asked)
    assert "g6.2xlarge" not in offer.instance_types
    assert budget.timeout_s(asked, offer, chosen) > 0


def test_where_aws_is_told_what_spot_costs_at_most_its_own_price_is_enough() -> None:
    chosen, asked = backend(market()), wanted("spot", max_cost_usd=5.0)
    offer = chosen.inspect(asked)
    assert "g6.2xlarge" in offer.instance_types
    assert budget.hour_usd(chosen, offer) is not None


def test_types_that_were_named_stay_where_there_is_no_limit() -> None:
    assert backend(market()).inspect(wanted("on-demand", NAMED)).instance_types == ("g6.2xlarge", "g6.xlarge")


@pytest.mark.parametrize("policy", ["on-demand", "spot", "auto"])
def test_where_none_is_left_those_without_a_price_are_named(policy: str) -> None:
    chosen, named = backend(market("g6.xlarge", "g6.2xlarge")), wanted(policy, NAMED)
    with pytest.raises(UsageError, match=r"price of g6\.2xlarge, g6\.xlarge is not known, so the allowance can't be"):
        a_claim(chosen, named)
    if policy == "spot":
        return  # AWS is told what is paid at most
    for limit, flag in (("max_cost_usd", "--max-cost"), ("max_price_usd_per_hour", "--max-price")):
        limited = wanted(policy, NAMED, **{limit: 5.0})
        with pytest.raises(UsageError, match=rf"price of g6\.2xlarge, g6\.xlarge is not known, so {flag} can't be"):
            budget.timeout_s(limited, chosen.inspect(limited), chosen)


def test_the_sentence_names_a_few_and_counts_many() -> None:
    assert left_out_note(()) is None
    assert (
        left_out_note(["gr6.4xlarge", "gr6.8xlarge"]) == "gr6.4xlarge, gr6.8xlarge left out: their price is not known"
    )
    assert left_out_note([f"m{n}.large" for n in range(67)]) == "67 types left out: their price is not known"
