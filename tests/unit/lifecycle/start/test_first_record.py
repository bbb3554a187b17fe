"""The first write of a run's record: who started it, which job, at which price; all before anything is created."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.fakes import RUN, job, spec

from aws_run.image.recipe.git_state import GitState
from aws_run.lifecycle.start.run_record import initial_record
from aws_run.pricing.receipt import Charge
from aws_run.runs.record import HardwareEntry, RateEntry, Record, dump
from aws_run.runs.record_reader import load
from aws_run.runs.spec import job_from_json


class PricedBackend:
    """Hardware at one price; it makes nothing of its own."""

    name = "ec2"

    def __init__(self, usd_per_hour: Decimal | None) -> None:
        self._usd_per_hour = usd_per_hour

    def charges(self, hardware: HardwareEntry, usage: Any) -> tuple[Charge, ...]:
        return (Charge(what=hardware.description, seconds=usage.seconds, usd_per_hour=self._usd_per_hour),)

    def definition(self, run: Any, image: str) -> Any:
        return SimpleNamespace(kind="task-definition", name=run.names.family, scope="run")

    def deferred_resources(self, run: Any) -> tuple[Any, ...]:
        return ()


def first_record(usd_per_hour: Decimal | None = Decimal("0.5"), **origin: Any) -> Record:
    run = spec(job=job(env={"TOKEN": "hunter2"}, args=("--fast",)))
    rates = (
        RateEntry(
            item="instance", unit="hour", usd="0.2", source="AWS's price list", as_of="2026-01-02", instance_type="m"
        ),
        RateEntry(item="gp3", unit="GB-month", usd="0.08", source="AWS's spot price history", as_of="2026-01-01"),
    )
    run = replace(run, offer=replace(run.offer, hardware=replace(run.offer.hardware, rates=rates)))
    preflight: Any = SimpleNamespace(
        offer=run.offer,
        image=None,
        git=GitState(commit="ab" * 20, dirty=True),
        branch="main",
        config=SimpleNamespace(labels=("x",), note=None),
    )
    return initial_record(
        SimpleNamespace(spec=run, all=(), estimate=None), preflight, PricedBackend(usd_per_hour), "ann", **origin
    )  # type: ignore[arg-type]


def test_it_holds_the_job_without_the_values_of_its_environment() -> None:
    record = first_record()
    assert b"hunter2" not in dump(record)
    read = job_from_json(record.job, place="run.json")
    assert (read.name, read.args, read.withheld) == ("demo", ("--fast",), ("TOKEN",))


def test_it_holds_the_price_of_an_hour_and_where_that_comes_from() -> None:
    hardware = first_record().hardware
    assert hardware is not None
    assert hardware.usd_per_hour == "0.5"
    assert (hardware.priced_on, hardware.price_source) == ("2026-01-01", "AWS's price list, AWS's spot price history")
    assert [rate.item for rate in hardware.rates] == ["instance", "gp3"]


def test_hardware_whose_price_is_not_known_has_none() -> None:
    hardware = first_record(None).hardware
    assert hardware is not None
    assert (hardware.usd_per_hour, hardware.priced_on, hardware.price_source) == (None, None, None)


def test_it_is_at_the_first_attempt_of_one_task() -> None:
    record = first_record()
    assert (record.attempt, record.task_arn) == (1, None)
    assert record.current is not None
    assert record.current.client_token == f"arun-{RUN}"


def test_it_names_who_started_it_without_anything_that_moves_a_terminal() -> None:
    record = first_record(origin="schedule", origin_detail="nightly\x1b[2J")
    assert record.origin == "schedule"
    assert record.origin_detail.isprintable()


@pytest.mark.parametrize("price", [None, Decimal("0.5"), Decimal("1E-7")])
def test_it_is_read_as_it_was_written(price: Decimal | None) -> None:
    """A repeated request for it knows its own by this."""
    record = first_record(price, origin_detail="nightly")
    assert load(json.dumps(json.loads(dump(record))).encode(), run_id=RUN) == record
