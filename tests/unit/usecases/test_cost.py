"""Sums over receipts: what is in them, what is not and is named, and how many requests two hundred runs take."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import BUCKET, FakeAccount, record

from aws_run.cli.commands import cost as command
from aws_run.errors import AwsRunError
from aws_run.lifecycle.recorded import began_at
from aws_run.runs.record import EstimateEntry, HardwareEntry, Receipt, ReceiptLine, Record, dump
from aws_run.usecases import cost
from aws_run.usecases.cost import costs, summed

HARDWARE = HardwareEntry(backend="ec2", description="m7i.large", vcpu=2, memory_mib=7000, spot=True)


def name(number: int, project: str = "demo") -> str:
    return f"{project}-202601{1 + number // 24:02}-{number % 24:02}0000-{number:04x}"


def run(number: int, usd: str | None = "0.10", *, project: str = "demo", **changes: Any) -> Record:
    day = f"2026-01-{1 + number // 24:02}T{number % 24:02}:00:00Z"
    receipt = None if usd is None else Receipt(total_usd=usd, saved_usd="0.05")
    values: dict[str, Any] = {
        "run_id": name(number, project), "project": project, "created_at": day, "deadline": day, "cost_usd": usd,
        "receipt": receipt, "state": "removed", "hardware": HARDWARE, "tasks": (),
    }  # fmt: skip
    return record(**{**values, **changes})


def stored(*records: Record) -> FakeAccount:
    account = FakeAccount()
    for one in records:
        account.aws.call("s3", "put_object", Bucket=BUCKET, Key=f"runs/{one.run_id}/run.json", Body=dump(one))
    account.aws.calls.clear()
    return account


def test_two_hundred_runs_take_one_listing_and_one_request_each() -> None:
    account = stored(*(run(number) for number in range(200)))
    found = costs(account.context, project="demo", since_s=None, by=("project",))
    assert found.total_usd == Decimal("20.00")
    assert found.runs == 200
    assert account.aws.operations.count("list_objects_v2") == 1
    assert account.aws.operations.count("get_object") == 200
    assert len(account.aws.operations) == 201


def test_runs_that_began_before_are_not_even_read() -> None:
    account = stored(run(0), run(20), run(24))
    age_s = int((account.clock.now() - began_at(name(24))).total_seconds())
    found = costs(account.context, project="demo", since_s=age_s, by=("day",))
    assert [row.key for row in found.rows] == [("2026-01-02",)]
    assert account.aws.operations.count("get_object") == 1


def test_what_no_sum_contains_is_counted_and_named_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    unpriced_line = ReceiptLine(what="x9.large", seconds="60", billed_s="60")
    account = stored(
        run(0),
        run(1, None, state="running"),
        run(2, None),
        run(3, None, receipt=Receipt(lines=(unpriced_line,))),
    )
    account.bucket.objects[f"runs/{name(4)}/run.json"] = (b"{", "x", account.clock.now())
    found = costs(account.context, project="demo", since_s=None, by=("project",))
    assert {(one.run_id, one.why.split(":")[0]) for one in found.unpriced} >= {
        (name(1), "it goes on"),
        (name(2), "it ended before anything was started for it"),
        (name(3), "no price is known for x9.large"),
    }
    assert name(4) in {one.run_id for one in found.unpriced}
    row = found.rows[0]
    assert (row.runs, row.unpriced, row.usd) == (4, 3, Decimal("0.10"))
    data = command.as_data(found, ("project",), label="cost")
    assert data["runs_without_cost"] == len(data["without_cost"]) == 4
    command._name_unpriced(found)
    told = capsys.readouterr().err
    assert told.startswith("without 4 runs whose cost is not known: ")
    assert "no price is known for x9.large" in told


def test_days_come_in_their_order_and_all_else_dearest_first() -> None:
    rows = summed([run(0, "1"), run(30, "3"), run(31, "2", project="other"), run(1, "2", project="other")], ("day",))
    assert [row.key[0] for row in rows] == ["2026-01-01", "2026-01-02"]
    by_project = summed([run(0, "1"), run(1, "2", project="other")], ("project",))
    assert [row.key[0] for row in by_project] == ["other", "demo"]
    both = summed([run(0, "1"), run(30, "3"), run(31, "4", project="other")], ("project", "day"))
    assert [row.key for row in both] == [("demo", "2026-01-01"), ("other", "2026-01-02"), ("demo", "2026-01-02")]


def test_estimates_are_compared_with_what_those_runs_cost() -> None:
    estimate = EstimateEntry(usd="0.08", low_usd="0.07", high_usd="0.09", billed_s="100", runs=3)
    row = summed([run(0, "0.10", estimate=estimate), run(1, "5")], ("project",))[0]
    assert (row.estimated_usd, row.of_estimated_usd) == (Decimal("0.08"), Decimal("0.10"))
    assert cost.error_percent(row.estimated_usd, row.of_estimated_usd) == Decimal(25)
    assert cost.error_percent(Decimal(0), Decimal(1)) is None


def test_the_table_with_its_bars_has_room_in_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    account = stored(*(run(number, f"{number}.5") for number in range(0, 96, 8)))
    found = costs(account.context, project="demo", since_s=None, by=("project", "day"))
    command._print_table(found, ("project", "day"), label="cost")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    longest = max(found.rows, key=lambda row: row.usd)
    bars = {line.split()[1]: len(line) - len(line.rstrip("\N{FULL BLOCK}#")) for line in lines[1:]}
    assert bars[longest.key[1]] == max(bars.values()) >= 30
    least = min(found.rows, key=lambda row: row.usd)
    assert bars[least.key[1]] == pytest.approx(max(bars.values()) * float(least.usd / longest.usd), abs=0.6)


def test_the_values_of_a_row_are_text_so_that_no_digit_is_lost() -> None:
    account = stored(run(0, "0.123456"))
    data = command.as_data(costs(account.context, project=None, since_s=None, by=("run",)), ("run",), label="cost")
    assert json.loads(json.dumps(data))["rows"][0]["usd"] == "0.123456"


def test_a_run_that_there_is_not_is_an_error() -> None:
    with pytest.raises(AwsRunError):
        cost.cost_of(stored(run(0)).context, name(9), None)
