"""Receipts in the record, and `aws-run cost` over them: as a table, JSON, CSV; as much as the account was billed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project, submit
from tests.local.support import admin


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("cost"), boto3.Session(region_name="us-east-1")) as made:
        yield made


def test_costs_are_summed_as_a_table_json_and_csv_and_agree_with_the_bill(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    for backend in ("fargate", "ec2"):
        assert aws.run(*submit(folder, tmp_path / backend, "--backend", backend)).returncode == 0
    billed = sum(line["usd"] for line in admin(aws.local, "bill")["lines"])
    told = json.loads(aws.run("cost", "--json", "--local", "--by", "backend,project", cwd=folder).stdout)
    assert told["by"] == ["backend", "project"]
    assert {(row["backend"], row["project"], row["runs"]) for row in told["rows"]} == {
        ("fargate", "demo", 1), ("ec2", "demo", 1)
    }  # fmt: skip
    assert float(told["total_usd"]) == pytest.approx(billed, rel=0.01)
    rows = list(csv.DictReader(io.StringIO(aws.run("cost", "--csv", "--local", "--by", "run", cwd=folder).stdout)))
    assert len(rows) == 2
    assert sum(Decimal(row["usd"]) for row in rows) == Decimal(told["total_usd"])
    table = aws.run("cost", "--local", cwd=folder)
    assert "###" in table.stdout
    assert "total: $" in table.stderr
    one = json.loads(aws.run("cost", rows[0]["run"], "--json", "--local", cwd=folder).stdout)
    assert sum(Decimal(line["usd"]) for line in one["lines"]) == pytest.approx(Decimal(one["total_usd"]))
    assert all(line["source"] and line["as_of"] for line in one["lines"])
    assert "tax" in " ".join(one["left_out"])
    assert aws.run("cost", "--by", "colour", "--local", cwd=folder).returncode == 2
    assert aws.run("cost", "--since", "1s", "--json", "--local", cwd=folder).returncode == 0
