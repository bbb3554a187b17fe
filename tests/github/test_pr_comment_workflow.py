"""The comment workflow itself, both of its jobs, from a comment to its result under the pull request."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.crash.account import Account
from tests.github.api import OTHER_SHA, REPOSITORY, SHA, TOKEN, FakeGitHub
from tests.github.expressions import evaluate, substitute
from tests.github.runner import ROOT, Action, Runner, Step

WORKFLOW = ROOT / ".github/workflows/pr-comment.yml"
HOSTILE = """
name: theirs
input: s3://somebody/else
resources: {cpu: 64, memory: 400GB}
backend: ec2
env: {GITHUB_TOKEN: null, X: y}
iam: {task_role: "arn:aws:iam::123456789012:role/admin"}
limits: {max_cost: 9999}
timeout: 14d
region: eu-west-1
command: python main.py
"""


@pytest.fixture
def on_github(runner: Runner, hub: FakeGitHub) -> Runner:
    """Two checkouts, the workflow's own repository and the pull request's, as the run's steps make them."""
    (runner.workspace / "aws-run").symlink_to(ROOT)
    (runner.workspace / "project").mkdir()
    for name in ("tiny", "data"):
        (runner.workspace / name).rename(runner.workspace / "project" / name)
    runner.github |= {"repository": REPOSITORY, "event_name": "issue_comment", "token": TOKEN, "run_id": "41"}
    runner.environment |= {"GITHUB_API_URL": hub.url}
    return runner


def document() -> dict[Any, Any]:
    return yaml.safe_load(WORKFLOW.read_text())  # type: ignore[no-any-return]


def inputs(**changes: str) -> dict[str, str]:
    declared = document()[True]["workflow_call"]["inputs"]  # YAML reads `on` as true
    defaults = {name: each.get("default", "") for name, each in declared.items()}
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in defaults.items()}
    return {**texts, "path": "tiny", "input": "project/data", "aws-region": "us-east-1", "name": "tiny", **changes}


def gate(runner: Runner, event: dict[str, Any], **changes: str) -> dict[str, str]:
    """The outputs of the job."""
    runner.github["event"] = event
    job = document()["jobs"]["gate"]
    context = {"inputs": inputs(**changes)}
    done = runner.run_job(job, context, skip=("actions/checkout",))
    steps = {"steps": {name: {"outputs": step.outputs} for name, step in done.items()}}
    return {name: substitute(text, steps) for name, text in job["outputs"].items()}


def run(runner: Runner, outputs: dict[str, str], **changes: str) -> dict[str, Step]:
    job = document()["jobs"]["run"]
    context = {"needs": {"gate": {"outputs": outputs}}, "inputs": inputs(**changes)}
    runner.environment |= {name: substitute(text, context) for name, text in job["env"].items()}
    return runner.run_job(job, context, skip=("actions/checkout",))


def test_a_comment_becomes_a_run_and_its_result_a_comment(aws: Account, on_github: Runner, hub: FakeGitHub) -> None:
    (on_github.workspace / "project/tiny/aws-run.yaml").write_text(HOSTILE)
    event = hub.event("/aws-run --cpu 1 --memory 2GB")
    outputs = gate(on_github, event)
    assert outputs["run"] == "true"
    steps = run(on_github, outputs, backend="fargate")
    step = steps["2"]
    assert step.exit_code == 0, step.log.text
    record = aws.object(f"runs/{aws.run_id()}/run.json")
    assert (record["origin"], record["branch"]) == ("comment", "feature")
    assert f"sha={SHA} event=issue_comment" in record["origin_detail"]
    assert " pull=7 " in record["origin_detail"]
    assert record["project"] == "tiny"
    assert record["region"] == "us-east-1"
    assert (record["hardware"]["vcpu"], record["hardware"]["memory_mib"]) == (1, 2048)
    assert record["job"]["timeout_s"] == 3600
    assert "admin" not in json.dumps(record)
    assert TOKEN not in json.dumps(record)
    for key in ("name", "input", "resources.cpu", "env", "iam.task_role", "limits.max_cost", "timeout", "region"):
        assert re.search(rf"aws-run.yaml:\d+: {re.escape(key)}.*not read from a pull request", step.log.text), key
    (sticky,) = hub.by_bot()
    assert "✅ aws-run succeeded" in sticky
    assert aws.run_id() in sticky
    assert SHA[:12] in sticky
    assert TOKEN not in sticky
    assert "run=41 attempt=1" in sticky
    assert hub.reactions == [(event["comment"]["id"], "eyes"), (event["comment"]["id"], "rocket")]
    assert step.outputs["comment-id"] == outputs_id(hub)
    assert aws.left() == {}


def outputs_id(hub: FakeGitHub) -> str:
    return str(next(one["id"] for one in hub.comments if one["user"]["login"].endswith("[bot]")))


def test_a_push_after_the_comment_runs_nothing(aws: Account, on_github: Runner, hub: FakeGitHub) -> None:
    outputs = gate(on_github, hub.event("/aws-run"))
    hub.pull["head"]["sha"] = OTHER_SHA
    steps = run(on_github, outputs, backend="fargate")
    assert steps["2"].exit_code == 2
    assert steps["2"].outputs["reason-code"] == "ref-changed"
    assert "ecs:RunTask" not in aws.script.operations()
    (sticky,) = hub.by_bot()
    assert "❌ aws-run failed" in sticky
    assert "moved on" in sticky
    assert hub.reactions[-1][1] == "-1"
    assert aws.left() == {}


def test_what_changed_is_told_against_the_base_branchs_last_run(
    aws: Account, on_github: Runner, hub: FakeGitHub, the_action: Action
) -> None:
    base = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main", "AWS_RUN_NAME": "tiny"}
    given = {"path": "project/tiny", "input": "project/data", "output": "out", "backend": "fargate"}
    on_github.github["event_name"] = "push"
    first = on_github.run(the_action, given, **base)
    assert first.exit_code == 0, first.log.text
    on_github.github["event_name"] = "issue_comment"
    (on_github.workspace / "project/data/a.txt").write_text("something else\n")
    (on_github.workspace / "project/data/new.txt").write_text("new\n")
    steps = run(on_github, gate(on_github, hub.event("/aws-run")), backend="fargate")
    assert steps["2"].exit_code == 0, steps["2"].log.text
    (sticky,) = hub.by_bot()
    assert "Outputs: 1 added, 1 changed." in sticky
    assert "<code>a.txt</code> | changed" in sticky
    assert "<code>new.txt</code> | added" in sticky
    assert first.outputs["run-id"] in sticky


@pytest.mark.parametrize(("result", "shown"), [("failure", "❌ aws-run failed"), ("cancelled", "was cancelled")])
def test_a_run_that_could_not_end_its_comment_has_it_ended_by_the_last_job(
    on_github: Runner, hub: FakeGitHub, result: str, shown: str
) -> None:
    """Its runner vanished, or nobody approved the environment: then none of its steps runs at all."""
    outputs = gate(on_github, hub.event("/aws-run"))
    job = document()["jobs"]["end"]
    needs: dict[str, Any] = {"gate": {"outputs": outputs}, "run": {"result": result}}
    context = {"needs": needs, "inputs": inputs()}
    assert evaluate(job["if"], context, {"always": lambda: True}) is True
    on_github.run_job(job, context, skip=("actions/checkout",))
    (sticky,) = hub.by_bot()
    assert shown in sticky
    needs["run"]["result"] = "failure" if result == "cancelled" else "cancelled"
    on_github.run_job(job, context, skip=("actions/checkout",))
    assert hub.by_bot() == [sticky], "an end stays"


@pytest.mark.parametrize(("run", "result"), [("true", "success"), ("false", "skipped"), ("", "skipped")])
def test_the_last_job_is_left_out_where_there_is_nothing_to_end(run: str, result: str) -> None:
    job = document()["jobs"]["end"]
    context = {"needs": {"gate": {"outputs": {"run": run}}, "run": {"result": result}}}
    assert evaluate(job["if"], context, {"always": lambda: True}) is False
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}


# -- the workflow's own defences ----------------------------------------------------------------------------------


def test_the_gate_has_no_identity_and_fetches_nothing_of_the_pull_request() -> None:
    job = document()["jobs"]["gate"]
    assert job["permissions"] == {"contents": "read", "pull-requests": "write", "actions": "write"}
    (checkout,) = [step for step in job["steps"] if "uses" in step]
    assert checkout["with"]["repository"] == "${{ job.workflow_repository }}"
    assert checkout["with"]["ref"] == "${{ job.workflow_sha }}"


def test_the_run_waits_for_the_gate_runs_one_at_a_time_and_only_what_was_pinned() -> None:
    job = document()["jobs"]["run"]
    assert job["needs"] == "gate"
    assert job["if"] == "needs.gate.outputs.run == 'true'"
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["concurrency"]["cancel-in-progress"] is False
    assert "needs.gate.outputs.number" in job["concurrency"]["group"]
    project = next(step for step in job["steps"] if step.get("with", {}).get("path") == "project")
    assert project["with"]["ref"] == "${{ needs.gate.outputs.sha }}"
    assert project["with"]["persist-credentials"] is False
    action = next(step for step in job["steps"] if step.get("uses") == "./aws-run")
    assert action["with"]["secrets"] == "${{ needs.gate.outputs.fork == 'false' && inputs.secrets || '' }}"


def test_a_forks_code_gets_no_secrets() -> None:
    action = next(step for step in document()["jobs"]["run"]["steps"] if step.get("uses") == "./aws-run")
    for fork, expected in (("true", ""), ("false", "A=arn"), ("", "")):
        context = {"needs": {"gate": {"outputs": {"fork": fork}}}, "inputs": {"secrets": "A=arn"}}
        assert substitute(action["with"]["secrets"], context) == expected


def test_nothing_that_a_comment_or_a_pull_request_says_becomes_a_part_of_a_script() -> None:
    for job in document()["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
    assert "github.event.comment.body" not in WORKFLOW.read_text()
    assert "head.ref" not in WORKFLOW.read_text()


def test_every_input_of_the_gate_reaches_it() -> None:
    from aws_run.github.comments.entry import _INPUTS, _variable

    (step,) = [one for one in document()["jobs"]["gate"]["steps"] if one.get("id") == "gate"]
    assert {name for name in step["env"] if name.startswith("GATE_")} == {_variable(name) for name in _INPUTS}


def test_the_gate_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = "import aws_run.github.comments.entry, sys; print(sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT / "runner", capture_output=True, text=True, check=True
    )
    foreign = set(eval(done.stdout)) - set(sys.stdlib_module_names) - {"aws_run", "__main__"}
    assert foreign == set()
