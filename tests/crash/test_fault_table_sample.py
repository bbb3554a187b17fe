"""A sample of the table of faults, through the real command line; `make faults` tries every operation."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.crash.faults import Bench, Cell, Result, Scenario, page, try_cell

from aws_run.local.testing.faults import How


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all cells, so that the project's image is made once."""
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize(
    ("scenario", "operation", "how"),
    [
        ("submit-ec2", "job logs:GetLogEvents", "garbled"),
        ("submit-ec2", "job s3:GET BUCKET/runs/RUN/result.json", "cut-body"),
        ("submit-ec2", "end autoscaling:DeleteAutoScalingGroup", "captive-portal"),
        ("submit-fargate", "start ecs:RunTask", "garbled"),
        ("submit-fargate", "start iam:CreateRole", "redirect"),
        ("cleanup-fargate", "start ecs:StopTask", "garbled"),
        ("gc-ec2", "start autoscaling:DescribeAutoScalingGroups", "cut-body"),
    ],
)
def test_a_broken_answer_changes_nothing_for_the_user(home: Path, scenario: Scenario, operation: str, how: How) -> None:
    result = try_cell(Bench(home=home), Cell(scenario=scenario, operation=operation, how=how))
    assert result.happened, "the command makes no such call any more"
    assert result.clean, result
    assert result.exit_code == 0, result.message


def test_the_table_shows_what_is_not_clean() -> None:
    cell = Cell(scenario="submit-ec2", operation="start ecs:RunTask", how="garbled")
    good = Result(cell=cell, happened=True, exit_code=0)
    bad = Result(
        cell=Cell(scenario="submit-ec2", operation="end iam:DeleteRole", how="garbled"), happened=True, exit_code=125,
        itself_failed=True, left=("role arun-x",), usd_after_deadline=0.5,
    )  # fmt: skip
    assert good.clean
    assert not bad.clean
    text = page([good, bad])
    assert "| `start ecs:RunTask` | 0 |" in text
    assert "| `end iam:DeleteRole` | **125** |" in text
    for line in ('"itself failed": 1', "left after one `gc`: 1", "billed after the deadline: $0.50", "operations: 2"):
        assert line in text
