"""The action as a workflow uses it: one step, from its inputs to its outputs, its summary and its log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.crash.account import OUTPUT, Account
from tests.github.api import BOT, SHA, FakeGitHub
from tests.github.runner import Action, Runner, kill_all
from tests.waiting import until

from aws_run.infra.policies import caller_policy

GIVEN = {"path": "tiny", "input": "data", "output": "out", "backend": "fargate"}


def test_a_step_runs_the_project_and_hands_over_results_outputs_and_a_summary(
    aws: Account, runner: Runner, the_action: Action
) -> None:
    step = runner.run(the_action, GIVEN)
    assert step.exit_code == 0, step.log.text
    assert {path.name: path.read_text() for path in (runner.workspace / "out").iterdir()} == OUTPUT

    record = aws.object(f"runs/{aws.run_id()}/run.json")
    outputs = step.outputs
    assert set(outputs) == the_action.outputs - {"comment-id"}, "no pull request's run"
    assert outputs["run-id"] == aws.run_id()
    assert outputs["task-arn"] == record["tasks"][0]["attempts"][0]["handle"]["id"]
    assert outputs["image"] == record["image"]
    assert (outputs["status"], outputs["exit-code"], outputs["reason-code"]) == ("succeeded", "0", "exit")
    assert outputs["s3-uri"] == f"s3://{outputs['s3-uri'].split('/')[2]}/runs/{aws.run_id()}/output/"
    assert outputs["console-url"].startswith("https://us-east-1.console.aws.amazon.com/s3/")
    assert f"runs/{aws.run_id()}/log.txt" in outputs["logs-url"]
    assert float(outputs["cost-usd"]) == float(record["cost_usd"]) > 0
    assert outputs["duration-seconds"].isdigit()
    assert json.loads(outputs["result"])["exit_code"] == 0

    assert record["origin"] == "action"
    assert "repository=example/project" in record["origin_detail"]
    assert "https://github.com/example/project/actions/runs/4711/attempts/1" in record["origin_detail"]
    assert f"sha={runner.github['sha']}" in record["origin_detail"]
    assert "actor=octocat" in record["origin_detail"]

    assert step.log.depth == 0
    assert step.log.groups == ["Plan", "Start", "Output of the job", "Results and teardown"]
    assert not step.log.stopped
    assert aws.run_id() in step.summary
    assert "2 files" in step.summary
    assert aws.left() == {}

    state = step.state
    after = runner.post(the_action, GIVEN, step)
    assert (after.exit_code, after.log.text) == (0, "")
    assert state["FINISHED"] == "true"


def test_a_job_that_fails_fails_the_step_with_its_own_exit_code_and_shows_its_last_lines(
    aws: Account, runner: Runner, the_action: Action, hub: FakeGitHub, pull_request: dict[str, str]
) -> None:
    step = runner.run(the_action, {**GIVEN, **pull_request, "args": "--fail\n7"})
    assert step.exit_code == 7
    (comment,) = [one for one in hub.comments if one["user"]["login"] == BOT]
    assert step.outputs["comment-id"] == str(comment["id"])
    assert comment["body"].startswith("<!-- aws-run:v1 key=tests run=4711 attempt=1 -->")
    assert "❌ aws-run failed (exit 7)" in comment["body"]
    assert SHA[:12] in comment["body"], "the pull request's commit, not that of the merge"
    assert "the job's last line</summary>" in comment["body"]
    assert "```text\ncopied\n```" in comment["body"]
    assert "main has no run of the same command" in comment["body"]
    assert "main has no run of the same command" in step.summary
    assert (step.outputs["status"], step.outputs["exit-code"], step.outputs["reason-code"]) == ("failed", "7", "exit")
    assert [note.level for note in step.log.annotations if note.level == "error"] == ["error"]
    assert "copied" in step.summary
    assert aws.left() == {}


@pytest.mark.parametrize(
    ("name", "text", "line", "reason"),
    [
        ("aws-run.yaml", "name: tiny\ntimeout: soon\n", "2", "config"),
        ("requirements.txt", "numpy\n-r missing.txt\n", "2", "project"),
        ("Dockerfile", "FROM python\nCMD cd x; python main.py\n", "2", "project"),
    ],
)
def test_a_mistake_in_the_project_is_an_annotation_at_its_line_and_makes_nothing(
    aws: Account, runner: Runner, the_action: Action, name: str, text: str, line: str, reason: str
) -> None:
    (runner.workspace / "tiny" / name).write_text(text)
    step = runner.run(the_action, GIVEN)
    (error,) = [note for note in step.log.annotations if note.level == "error"]
    assert (error.properties["file"], error.properties["line"]) == (f"tiny/{name}", line)
    assert step.exit_code == int(step.outputs["exit-code"]) != 0
    assert (step.outputs["status"], step.outputs["reason-code"]) == ("failed", reason)
    assert "not started" in step.summary
    assert "ecs:RunTask" not in aws.script.operations()
    assert aws.left() == {}


def test_a_step_that_does_not_wait_leaves_the_run_and_post_leaves_it_too(
    aws: Account, runner: Runner, the_action: Action, tmp_path: Path
) -> None:
    given = {**GIVEN, "wait": "false", "output": "", "args": f"--hang-until\n{tmp_path / 'go'}"}
    step = runner.run(the_action, given)
    assert step.exit_code == 0, step.log.text
    assert step.outputs["status"] == "running"
    assert "exit-code" not in step.outputs
    assert "logsV2:log-groups" in step.outputs["logs-url"]
    assert runner.post(the_action, given, step).exit_code == 0
    assert aws.tasks(lambda task: task.status != "STOPPED")
    (tmp_path / "go").touch()
    assert aws.run("wait", aws.run_id()).code == 0
    assert aws.left() == {}


@pytest.mark.parametrize("aws", [{"caller_policy": caller_policy(account="123456789012")}], indirect=True)
def test_the_policy_that_init_prints_is_enough_for_a_step_and_its_post(
    aws: Account, runner: Runner, the_action: Action, hub: FakeGitHub, pull_request: dict[str, str]
) -> None:
    given = {**GIVEN, **pull_request}
    step = runner.run(the_action, given)
    assert step.exit_code == 0, step.log.text
    warnings = [note.message for note in step.log.annotations if "Python" not in note.message]
    assert warnings == [], "what it may not do is told as one"
    assert "✅ aws-run succeeded" in hub.by_bot()[0]
    left = runner.start(the_action, {**given, "args": "--hang"})
    until(lambda: aws.log().count("copied") > 1 or left.ended)
    kill_all(left)
    after = runner.post(the_action, given, left)
    assert after.exit_code == 0, after.log.text
    assert "was cancelled" in hub.by_bot()[0]
    assert aws.left() == {}
    assert aws.still_bills() == []
