"""A client that is stopped for an hour at a delicate moment (a closed lid), while another machine's `gc` runs, and then goes
on; and clients whose own clocks are hours off.

The hour goes by on the account's clock; the client's process and its signals are real.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import Account, account, make_project

from aws_run.clock import parse_iso
from aws_run.local.http.protocol import Reply


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the project's image is made once; each test has an account of its own."""
    return tmp_path_factory.mktemp("asleep")


@pytest.fixture
def aws(home: Path) -> Iterator[Account]:
    with account(home) as made:
        yield made


@pytest.mark.parametrize(
    ("backend", "call"),
    [
        ("ec2", "ecs:RunTask"),
        ("fargate", "ecs:DeleteCluster"),
        *(
            pytest.param(*where, marks=pytest.mark.nightly)
            for where in (
                ("ec2", "autoscaling:UpdateAutoScalingGroup"),
                ("ec2", "logs:GetLogEvents"),
                ("ec2", "ecs:DeleteCluster"),
                ("fargate", "ecs:RunTask"),
            )
        ),
    ],
)
def test_a_client_that_sleeps_an_hour_while_gc_runs_elsewhere_makes_nothing_again_and_leaves_nothing(
    aws: Account, home: Path, tmp_path: Path, backend: str, call: str
) -> None:
    project = make_project(home)
    submit = ("submit", project, "-i", home / "data", "-o", tmp_path / "out", "--timeout", "30m", "--backend", backend)
    asleep: list[str] = []

    def stop(seen: Any, _: Any) -> Reply | None:
        """As it makes the call, which is carried out; its answer waits for it."""
        if not asleep and f"{seen.service}:{seen.operation}" == call:
            asleep.append(call)
            os.kill(child.pid, signal.SIGSTOP)
        return None

    aws.script.on_call.append(stop)
    child = aws.start(*submit)
    try:
        aws.until(lambda: asleep or child.poll() is not None)
        assert asleep, aws.finish(child).stderr
        aws.wait_for_tasks()
        aws.advance(3700)
        assert aws.still_bills() == []
        collected = aws.run("gc", XDG_STATE_HOME=str(home / "another-machine"))
        assert collected.code == 0, collected.stderr
        made_until_then = len(
            [name for name in aws.script.operations() if ":Create" in name or name.endswith("RunTask")]
        )
    finally:
        child.send_signal(signal.SIGCONT)
    woken = aws.finish(child)
    assert "itself failed" not in woken.stderr
    assert "Traceback" not in woken.stderr
    made = [name for name in aws.script.operations() if ":Create" in name or name.endswith("RunTask")]
    # What is under way when it falls asleep may be finished as it wakes; after that it knows that its time is over.
    assert len(made) <= made_until_then + 3, made
    aws.wait_for_tasks()
    aws.advance(3700)
    assert aws.still_bills() == []
    assert aws.run("gc", XDG_STATE_HOME=str(home / "another-machine")).code == 0
    assert aws.left() == {}
    assert aws.world.errors == []


@pytest.mark.parametrize(("backend", "hours"), [("ec2", 9), pytest.param("fargate", -9, marks=pytest.mark.nightly)])
def test_a_client_whose_clock_is_hours_off_gives_the_right_deadline_and_ends_nobody_elses_run(
    aws: Account, home: Path, tmp_path: Path, backend: str, hours: int
) -> None:
    """AWS's clock is moved, which to the client is the same."""
    project = make_project(home)
    aws.world.clock.advance(hours * 3600)
    submit = ("submit", project, "-i", home / "data", "--backend", backend)
    began = aws.now()
    accepted = aws.run(*submit, "-o", tmp_path / "a", "--timeout", "2h", "--detach", "--", "--hang")
    assert accepted.code == 0, accepted.stderr
    aws.until(aws.running)
    run_id = aws.run_id()
    deadline = parse_iso(aws.object(f"runs/{run_id}/run.json")["deadline"])
    assert 2 * 3600 - 60 < (deadline - began).total_seconds() < 2 * 3600 + 20 * 60
    assert aws.run("gc").code == 0
    assert aws.running()
    aws.advance(2 * 3600 + 12 * 60)
    assert aws.still_bills() == []
    assert aws.run("gc").code == 0
    assert aws.left() == {}
    whole = aws.run(*submit, "-o", tmp_path / "b")
    assert whole.code == 0, whole.stderr
    assert aws.left() == {}
