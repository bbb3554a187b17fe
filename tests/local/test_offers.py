"""`aws-run offers` as a process: one ranked list, and the submit that takes its first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    session = boto3.Session(region_name="us-east-1")
    with cloud(tmp_path_factory.mktemp("offers"), session, quotas={"L-3819A6DF": 4}) as made:
        yield made


def offered(aws: Cloud, *flags: str) -> dict[str, Any]:
    done = aws.run("offers", "--json", "--local", *flags)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    "flags",
    [
        ("--cpu", "4+", "--memory", "16GB", "--spot-policy", "auto"),
        ("--gpu", "L4:1", "--spot-policy", "auto", "--backend", "ec2"),
        ("--cpu", "2", "--memory", "8GB"),
    ],
)
def test_the_list_is_ranked_and_a_submit_takes_the_offer_that_it_marks(
    aws: Cloud, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    told = offered(aws, *flags)
    hours = [Decimal(one["usd_per_hour"]) for one in told["offers"] if one["usd_per_hour"] is not None]
    assert len(hours) > 5
    assert hours == sorted(hours)
    assert [one for one in told["offers"] if one["usd_per_hour"] is None] == told["offers"][len(hours) :]
    (taken,) = [one for one in told["offers"] if one["taken"]]
    mine = [one for one in told["offers"] if one["backend"] == taken["backend"]]
    assert mine[0] is taken, "the cheapest of its backend"
    folder = project(tmp_path / "demo")
    planned = aws.run("plan", folder, "-i", folder / "data", "--local", "--json", *flags)
    assert planned.returncode == 0, planned.stderr
    view = json.loads(planned.stdout)
    assert view["backend"].startswith(f"{taken['backend']}: {taken['type']}")
    assert view["why"]


def test_an_offer_says_what_it_needs_of_the_quota_and_what_the_time_costs(aws: Cloud) -> None:
    told = offered(aws, "--gpu", "L4:1", "--spot-policy", "spot", "--for", "2h")
    first = told["offers"][0]
    assert (first["type"], first["market"], told["duration_s"]) == ("g6.xlarge", "spot", 7200)
    assert (first["quota"]["code"], first["quota"]["limit"], first["quota"]["free"]) == ("L-3819A6DF", 4.0, 4.0)
    assert Decimal(first["expected_usd"]) > 2 * Decimal(first["usd_per_hour"]), "the boot is billed as well"
    assert first["zones"]


def test_an_offer_over_the_limit_is_listed_and_not_taken(aws: Cloud) -> None:
    told = offered(aws, "--cpu", "2", "--memory", "8GB", "--backend", "ec2", "--max-price", "0.10")
    assert {one["within_max_price"] for one in told["offers"]} == {True, False}
    assert all(one["within_max_price"] for one in told["offers"] if one["taken"])


def test_no_offer_is_a_machine_with_a_part_of_a_gpu_or_a_burstable_one(aws: Cloud) -> None:
    names = {one["type"].partition(".")[0] for one in offered(aws, "--spot-policy", "auto")["offers"]}
    assert not names & {"g6f", "t2", "t3", "t3a", "t4g", "g4ad", "inf1", "f1"}


def test_what_there_is_not_is_refused_with_the_next_that_is(aws: Cloud) -> None:
    done = aws.run("offers", "--local", "--gpu", "A100:1")
    assert done.returncode == 2
    assert "A100:8" in done.stderr
    assert aws.run("offers", "--local", "--for", "soon").returncode == 2


def test_people_get_a_table(aws: Cloud) -> None:
    done = aws.run("offers", "--local", "--cpu", "2", "--memory", "8GB")
    assert done.returncode == 0, done.stderr
    assert "QUOTA" in done.stdout
    assert done.stdout.count("*  ") == 1
    assert "submit takes fargate for this request" in done.stderr
