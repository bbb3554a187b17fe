"""Whole runs on each back end: the receipt in the record, the account's own bill, and what Cost Explorer tells later."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from tests.crash.story import Begin, stories
from tests.local.cli_support import Cloud, cloud, project, submit
from tests.local.support import admin

from aws_run.aws.cache import MemoryCache
from aws_run.errors import AwsRunError
from aws_run.usecases.billed import billed_costs
from aws_run.usecases.plan import plan

_DAYS_S = 3 * 86_400
_QUICK = ("--pause", "0.01")  # a second between two numbers is minutes of the account's clock
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one


@pytest.mark.parametrize(
    ("example", "args", "backend", "flags"),
    [
        ("wordcount", (), "fargate", {"disk": "50GB"}),
        ("wordcount", (), "ec2", {}),
        pytest.param("counter", _QUICK, "ec2", {"spot_policy": "spot"}, marks=pytest.mark.nightly),
        pytest.param("counter", _QUICK, "fargate", {"spot_policy": "spot"}, marks=pytest.mark.nightly),
    ],
)
def test_receipt_and_bill_of_an_example_agree(
    begin: Begin, example: str, args: tuple[str, ...], backend: str, flags: dict[str, str]
) -> None:
    story = begin()
    story.project = Path(shutil.copytree(EXAMPLES / example, story.home / example))
    story.cache = MemoryCache(clock=story.clock())  # of what this story reads alone: its spot prices are of this hour
    story.context = story.new_bench()
    now = story.account.now()
    story.clock().sleep(3660 - now.minute * 60 - now.second)  # the spot market moves with the hour
    done = story.submit(*args, backend=backend, input=str(story.project / "data"), **flags)
    assert done.exit_code == 0, done.view.status
    context = story.context
    record = story.record()
    assert record.cost_usd is not None
    bill = sum(line.usd for line in story.account.bill())
    assert float(record.cost_usd) == pytest.approx(bill, rel=0.01)
    assert record.receipt is not None
    assert all(line.resources for line in record.receipt.lines)

    early = billed_costs(context, (record,))
    assert early.requests == 1
    assert early.runs[0].billed_usd is None
    assert "its bill comes after" in early.runs[0].note
    assert billed_costs(context, (record,)).requests == 0, "asked twice on one day"

    story.clock().sleep(_DAYS_S)
    found = billed_costs(context, (record,))
    run = found.runs[0]
    assert run.billed_usd is not None
    assert float(run.billed_usd) == pytest.approx(bill, rel=0.01), "tax or credits are in it"
    assert run.missing == ()
    assert run.credit_usd == pytest.approx(-run.billed_usd * Decimal("0.05"), rel=Decimal("0.001"))
    assert found.tax_usd == pytest.approx(run.billed_usd * Decimal("0.19"), rel=Decimal("0.001"))
    assert found.exports == ()


def test_the_second_run_is_expected_to_cost_what_the_first_did(begin: Begin) -> None:
    story = begin()
    config = story.config(backend="fargate")
    first = plan(config, story.context)
    assert first.price is not None
    assert first.price.expected is None
    assert story.submit(backend="fargate").exit_code == 0
    paid = story.record()
    second = plan(config, story.context)
    assert second.price is not None
    assert second.price.expected is not None
    assert paid.cost_usd is not None
    assert float(second.price.expected.usd) == pytest.approx(float(paid.cost_usd), rel=0.01)
    assert any(line.startswith("expected: $") for line in second.estimate)
    done = story.submit(backend="fargate")
    assert done.view.receipt is not None
    assert done.view.receipt.estimate is not None
    assert abs(done.view.receipt.estimate.error_percent or Decimal(0)) < 1, "both are billed for a minute"
    assert story.record().estimate is not None


def test_who_has_not_opted_in_hears_how(begin: Begin) -> None:
    story = begin()
    story.world.cost_by_resource = False
    with pytest.raises(AwsRunError, match="no costs by resource") as refused:
        billed_costs(story.context, ())
    assert "Cost Explorer settings" in str(refused.value.hint)
    assert refused.value.exit_code == 125


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("cost"), boto3.Session(region_name="us-east-1")) as made:
        yield made


def test_costs_are_summed_as_a_table_json_and_csv(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    assert aws.run(*submit(folder, tmp_path / "out", "--backend", "fargate")).returncode == 0
    bill = sum(line["usd"] for line in admin(aws.local, "bill")["lines"])
    told = json.loads(aws.run("cost", "--json", "--local", "--by", "backend,project", cwd=folder).stdout)
    assert [(row["backend"], row["project"], row["runs"]) for row in told["rows"]] == [("fargate", "demo", 1)]
    assert float(told["total_usd"]) == pytest.approx(bill, rel=0.01)
    assert (told["without_cost"], told["label"]) == ([], "simulated: what AWS would have charged")
    rows = list(csv.DictReader(io.StringIO(aws.run("cost", "--csv", "--local", "--by", "run", cwd=folder).stdout)))
    assert sum(Decimal(row["usd"]) for row in rows) == Decimal(told["total_usd"])
    one = json.loads(aws.run("cost", rows[0]["run"], "--json", "--local", cwd=folder).stdout)
    assert sum(Decimal(line["usd"]) for line in one["lines"]) == pytest.approx(Decimal(one["total_usd"]))
    assert all(line["source"] and line["as_of"] for line in one["lines"])
    assert "tax" in " ".join(one["left_out"])
    wrong = aws.run("cost", "--by", "colour", "--local", cwd=folder)
    assert wrong.returncode == 2
    assert "there is no 'colour' to sum by" in wrong.stderr
    admin(aws.local, "clock", {"advance_s": _DAYS_S})
    billed = aws.run("cost", "--billed", "--local", cwd=folder)
    assert billed.returncode == 0
    told, done = (
        billed.stderr.find("asking Cost Explorer, which costs $0.01 a request"),
        "asked Cost Explorer: 1 request, $0.0100",
    )
    assert 0 <= told < billed.stderr.find(done)
    assert re.split(" {2,}", billed.stdout.splitlines()[0].strip()) == [
        "RUN", "BILLED", "ESTIMATE, OFF BY", "RECEIPT, OFF BY",
    ]  # fmt: skip
    assert rows[0]["run"] in billed.stdout
