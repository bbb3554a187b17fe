"""A sample of the crash enumeration: the calls where most is at stake. `make crash` tries every one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.crash.account import account, make_project
from tests.crash.points import Point, try_point


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all points, so that the project's image is made once."""
    return tmp_path_factory.mktemp("crash")


# With AWS's times somebody waits for them in real time, a minute a point.
AWS_TIMES = pytest.mark.parametrize("aws_times", [False, pytest.param(True, marks=pytest.mark.nightly)])


# What a client has asked of AWS last when it dies; found by name, since calls side by side have no fixed order.
@AWS_TIMES
@pytest.mark.parametrize(
    ("backend", "last_call", "when"),
    [
        ("ec2", "autoscaling:PutScheduledUpdateGroupAction", "before"),
        ("ec2", "autoscaling:UpdateAutoScalingGroup", "after"),
        ("ec2", "ecs:RunTask", "after"),
        ("fargate", "ecs:RunTask", "after"),
        ("fargate", "ecs:DeleteCluster", "after"),
    ],
)
def test_a_client_killed_at_its_most_delicate_calls_leaves_nothing_that_bills_and_nothing_after_gc(
    home: Path, backend: str, last_call: str, when: str, aws_times: bool
) -> None:
    point = Point(scenario=f"submit-{backend}", at=last_call, when=when, aws_times=aws_times)  # type: ignore[arg-type]
    result = try_point(home, point)
    assert result.killed
    assert result.clean, result


@pytest.mark.parametrize("last_call", ["autoscaling:ResumeProcesses", "ecs:RunTask"])
def test_a_client_killed_while_it_tries_again_leaves_no_machine_longer_than_its_lease(
    home: Path, last_call: str
) -> None:
    result = try_point(home, Point(scenario="submit-ec2-retry", at=last_call, when="after"))
    assert result.killed
    assert result.clean, result


@AWS_TIMES
@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_a_cleanup_killed_half_way_is_finished_by_gc(home: Path, backend: str, aws_times: bool) -> None:
    first = "autoscaling:DeleteAutoScalingGroup" if backend == "ec2" else "ecs:StopTask"
    point = Point(scenario=f"cleanup-{backend}", at=first, when="after", aws_times=aws_times)  # type: ignore[arg-type]
    result = try_point(home, point)
    assert result.killed
    assert result.clean, result


def test_the_oracle_sees_what_a_killed_client_leaves(home: Path) -> None:
    """Else a `clean` would mean nothing: right after the kill there is something that bills, and much that is left."""
    project = make_project(home)
    with account(home) as aws:
        done = aws.run(
            "submit", project, "-i", home / "data", "-o", home / "out", "--backend", "ec2", "--", "--hang",
            kill=("ecs:RunTask", "after"),
        )  # fmt: skip
        assert done.code == -signal.SIGKILL
        aws.until(aws.running)
        assert {line.kind for line in aws.still_bills()} >= {"instance", "volume"}
        assert set(aws.left()) >= {"group", "cluster", "role", "mark"}
        before = aws.now()
        aws.advance(600)
        an_hour = 0.086 + 40 * 0.08 / 730 + 0.005  # m5a.large, 40 GB of gp3, a public address
        assert aws.usd_after(before) == pytest.approx(an_hour / 6, rel=0.05)
