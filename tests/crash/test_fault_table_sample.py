"""A sample of the table of faults, through the real command line; `make faults` tries every operation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.crash.faults import Bench, Cell, Result, Scenario, _groups, page, tried, try_cell

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


def test_what_a_run_with_several_faults_does_not_show_is_tried_alone() -> None:
    cells = [Cell(scenario="submit-ec2", operation=name, how="garbled") for name in "abc"]
    runs: list[str] = []

    def attempt(some: Sequence[Cell]) -> list[Result]:
        runs.append("".join(cell.operation for cell in some))
        alone = len(some) == 1
        return [
            Result(
                cell=cell, happened=alone or cell.operation != missed, exit_code=0 if alone else code, together=len(some)
            )
            for cell in some
        ]  # fmt: skip

    missed, code = "", 0
    assert [result.together for result in tried(attempt, cells)] == [3, 3, 3]
    missed = "b"
    assert [(result.cell.operation, result.together) for result in tried(attempt, cells)] == [
        ("a", 3),
        ("c", 3),
        ("b", 1),
    ]
    missed, code = "", 125
    assert [result.together for result in tried(attempt, cells)] == [1, 1, 1]
    assert runs == ["abc", "abc", "b", "abc", "a", "b", "c"]


def test_those_of_one_run_are_far_apart_and_of_one_scenario() -> None:
    cells = [
        Cell(scenario=scenario, operation=str(number), how="garbled")
        for scenario in ("submit-ec2", "gc-ec2") for number in range(5)
    ]  # fmt: skip
    groups = [(group[0].scenario, [cell.operation for cell in group]) for group in _groups(cells, 2)]
    assert groups == [
        ("submit-ec2", ["0", "3"]), ("submit-ec2", ["1", "4"]), ("submit-ec2", ["2"]),
        ("gc-ec2", ["0", "3"]), ("gc-ec2", ["1", "4"]), ("gc-ec2", ["2"]),
    ]  # fmt: skip
