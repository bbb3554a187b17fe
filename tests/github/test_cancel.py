"""A step that is cancelled, killed or forgotten: the task is stopped, and nothing is left, whoever gets to it first."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crash.account import OUTPUT, Account, Happened
from tests.github.api import FakeGitHub
from tests.github.runner import Action, Runner, Step, kill_all
from tests.waiting import until

from aws_run.local.http.protocol import Call, Reply

HANGING = {"path": "tiny", "input": "data", "output": "out", "backend": "fargate", "args": "--hang"}


def started(aws: Account, runner: Runner, the_action: Action, given: dict[str, str] = HANGING, **more: str) -> Step:
    """A step whose job has written its output, and hangs."""
    step = runner.start(the_action, given, **more)
    until(lambda: "copied" in aws.log() or step.ended)
    assert not step.ended, step.log.text
    return step


def at_call(aws: Account, name: str, act: Callable[[], None]) -> list[str]:
    """Does it at the first call whose name ends so, before AWS carries it out; the list holds the call from then on."""
    seen: list[str] = []

    def listener(happened: Happened, call: Call) -> Reply | None:
        called = f"{happened.service}:{happened.operation}"
        if called.endswith(name) and not seen:
            seen.append(called)
            act()
        return None

    aws.script.on_call.append(listener)
    return seen


def assert_nothing_is_left(aws: Account) -> None:
    assert aws.still_bills() == []
    assert aws.left() == {}


def test_sigint_stops_the_task_at_once_and_the_step_itself_ends_the_run(
    aws: Account, runner: Runner, the_action: Action
) -> None:
    step = started(aws, runner, the_action)
    runner.cancel(step)
    step.finish_log()
    assert step.exit_code == 130
    assert aws.script.operations().count("ecs:StopTask") == 1
    assert {path.name: path.read_text() for path in (runner.workspace / "out").iterdir()} == OUTPUT, "it was saved"
    assert_nothing_is_left(aws)
    assert (step.outputs["status"], step.outputs["exit-code"]) == ("cancelled", "130")
    assert "interrupted" in step.summary
    before = len(aws.script.happened)
    assert runner.post(the_action, HANGING, step).exit_code == 0
    assert len(aws.script.happened) == before, "post has nothing to do"


def test_where_the_time_of_a_step_is_over_it_leaves_at_once_and_post_removes_the_rest(
    aws: Account, runner: Runner, the_action: Action
) -> None:
    step = started(aws, runner, the_action)
    # timeout-minutes goes the same way as a cancellation. After 7.5 s AWS has heard of the stop; then come 2.5 s more.
    runner.cancel(step, term_when=lambda: "ecs:StopTask" in aws.script.operations(), kill_when=lambda: True)
    step.finish_log()
    assert step.exit_code in (130, -signal.SIGKILL)
    assert "FINISHED" not in step.state
    after = runner.post(the_action, HANGING, step)
    assert after.exit_code == 0, after.log.text
    assert_nothing_is_left(aws)
    assert aws.run_id() in after.summary


def test_a_step_that_is_killed_outright_is_ended_by_its_own_child_and_by_post(
    aws: Account, runner: Runner, the_action: Action, hub: FakeGitHub, pull_request: dict[str, str]
) -> None:
    step = started(aws, runner, the_action, {**HANGING, **pull_request})
    step.send(signal.SIGKILL)
    assert step.wait() == -signal.SIGKILL
    until(lambda: "ecs:StopTask" in aws.script.operations())  # by the child, whom the end of its stdin has told
    after = runner.post(the_action, {**HANGING, **pull_request}, step)
    assert after.exit_code == 0, after.log.text
    (comment,) = hub.by_bot()
    assert "was cancelled" in comment
    assert aws.run_id() in comment
    step.finish_log()  # the child has ended
    assert_nothing_is_left(aws)
    record = aws.object(f"runs/{aws.run_id()}/run.json")
    assert record["outcome"]["exit_code"] == 130


@pytest.mark.parametrize(
    ("at", "backend"), [("run.json", "fargate"), ("ecs:CreateCluster", "ec2"), ("ecs:RunTask", "fargate")]
)
def test_cancelled_before_the_job_runs_nothing_is_left(
    aws: Account, runner: Runner, the_action: Action, at: str, backend: str
) -> None:
    """`run.json`: while the record, the first thing of a run, is being written."""
    given = {**HANGING, "backend": backend}
    steps: list[Step] = []
    seen = at_call(aws, at, lambda: steps[0].send(signal.SIGINT))
    steps.append(runner.start(the_action, given))
    steps[0].wait()
    steps[0].finish_log()
    assert seen
    assert steps[0].exit_code == 130, steps[0].log.text
    assert steps[0].outputs["status"] == "cancelled"
    assert steps[0].state["RUN_ID"], "it was saved before anything was made"
    assert runner.post(the_action, given, steps[0]).exit_code == 0
    assert_nothing_is_left(aws)


def test_a_step_that_is_killed_before_it_has_a_run_leaves_no_comment_that_waits_for_ever(
    aws: Account, runner: Runner, the_action: Action, hub: FakeGitHub, pull_request: dict[str, str]
) -> None:
    given = {**HANGING, **pull_request}
    steps: list[Step] = []

    def kill() -> None:
        until(lambda: "comment-id" in steps[0].outputs)
        kill_all(steps[0])

    seen = at_call(aws, "sts:GetCallerIdentity", kill)
    steps.append(runner.start(the_action, given))
    until(lambda: seen)
    steps[0].wait()
    assert "RUN_ID" not in steps[0].state
    assert "is waiting to start" in hub.by_bot()[0]
    assert runner.post(the_action, given, steps[0]).exit_code == 0
    (comment,) = hub.by_bot()
    assert "was cancelled" in comment
    assert "nothing was created" in comment
    assert_nothing_is_left(aws)


def test_cancelled_while_python_is_looked_for_nothing_is_started(
    runner: Runner, the_action: Action, tmp_path: Path
) -> None:
    fifo, slow = tmp_path / "began", tmp_path / "slow-python"
    slow.write_text(f"#!/bin/sh\ntouch {fifo}\nexec sleep 600\n")
    slow.chmod(0o755)
    runner.temp = tmp_path / "temp"
    step = runner.start(the_action, {**HANGING, "python": str(slow)})
    until(fifo.exists)
    runner.cancel(step)
    assert step.exit_code == 130
    assert step.state == {}
    assert runner.post(the_action, HANGING, step).exit_code == 0


# What happens to a step, at the first call of that name: the record, the parts of a start, the task, its end, the teardown.
STAGES = {
    "fargate": ("run.json", "iam:CreateRole", "ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:DeleteCluster"),
    "ec2": ("autoscaling:CreateAutoScalingGroup", "ecs:CreateCapacityProvider", "autoscaling:DeleteAutoScalingGroup"),
}
WAYS = ("ladder", "kill")
MATRIX = [(way, backend, at) for way in WAYS for backend, stages in STAGES.items() for at in stages]
EVERY_DAY = {("ladder", "fargate", "ecs:RegisterTaskDefinition"), ("kill", "fargate", "ecs:DeleteCluster")}


@pytest.mark.parametrize(
    ("way", "backend", "at"),
    [pytest.param(*case, marks=() if case in EVERY_DAY else pytest.mark.nightly) for case in MATRIX],
)
def test_whenever_a_step_is_ended_by_force_post_leaves_nothing(
    aws: Account, runner: Runner, the_action: Action, way: str, backend: str, at: str
) -> None:
    """`ladder`: SIGINT, SIGTERM and a kill at once, as if every wait were over. `kill`: the step and all its children, as
    where memory runs out."""
    given = {**HANGING, "backend": backend, "args": "" if "Delete" in at else HANGING["args"]}
    steps: list[Step] = []

    def end() -> None:
        if way == "kill":
            kill_all(steps[0])
        else:
            runner.cancel(steps[0], term_when=lambda: True, kill_when=lambda: True)

    seen = at_call(aws, at, end)
    steps.append(runner.start(the_action, given))
    until(lambda: seen or steps[0].ended)
    assert seen, steps[0].log.text
    steps[0].wait()
    after = runner.post(the_action, given, steps[0])
    assert after.exit_code == 0, after.log.text
    steps[0].finish_log()
    assert_nothing_is_left(aws)


def test_where_the_runner_vanishes_what_is_armed_in_aws_ends_the_run(
    aws: Account, runner: Runner, the_action: Action
) -> None:
    step = started(aws, runner, the_action, {**HANGING, "timeout": "10m"})
    kill_all(step)
    aws.advance(3600)
    assert aws.still_bills() == []
    assert aws.run("gc").code == 0
    assert_nothing_is_left(aws)


def test_post_gives_up_within_its_time_and_says_what_finishes_the_job(
    aws: Account, runner: Runner, the_action: Action, tmp_path: Path
) -> None:
    step = started(aws, runner, the_action)
    kill_all(step)
    # Four minutes are over as soon as AWS, which does not answer, has been asked to stop the task.
    release: list[bool] = []
    hung = tmp_path / "hung"

    def hang(happened: Happened, call: Call) -> Reply | None:
        if happened.operation == "StopTask" and not release:
            hung.touch()
            until(lambda: release)
        return None

    aws.script.on_call.append(hang)
    clock = tmp_path / "clock.cjs"
    clock.write_text(
        f"""
const fs = require('node:fs');
const real = setTimeout;
global.setTimeout = (act, ms) => {{
  if (ms < 200000) return real(act, ms);
  const look = () => fs.existsSync({str(hung)!r}) ? real(act, (ms - 240000)) : real(look, 20);
  if (ms > 245000) throw new Error(`post may take four minutes, not ${{ms}} ms`);
  return real(look, 20);
}};
"""
    )
    after = runner.post(the_action, HANGING, step, NODE_OPTIONS=f"--require {clock}")
    release.append(True)
    assert after.exit_code == 130
    assert f"aws-run cleanup {aws.run_id()}" in "".join(note.message for note in after.log.annotations)
    assert aws.run("cleanup", aws.run_id()).code == 0
    assert_nothing_is_left(aws)
