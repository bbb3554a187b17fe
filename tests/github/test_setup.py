"""`aws-run init --github`: files that are ready to use, and a role that only they may assume."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.github.runner import ROOT, Action

from aws_run.errors import UsageError
from aws_run.github.setup import COMMENT_WORKFLOW, ENVIRONMENT, WORKFLOW, Setup, trust_policy
from aws_run.infra.policies import caller_policy

SETUP = Setup(action="org/aws-run@v1", repository="acme/models", ids=("11", "22"), account="123456789012")


def init(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("aws-run")), "init", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_workflows_are_written_and_their_inputs_are_ones_that_there_are(tmp_path: Path) -> None:
    done = init(tmp_path, "--github", "org/aws-run@v1", "--repository", "acme/models", "--account", "123456789012")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["trust"]["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert printed["policy"] == caller_policy(account="123456789012"), "test_action.py runs a step with it"

    run = yaml.safe_load((tmp_path / WORKFLOW).read_text())["jobs"]["run"]
    (step,) = [one for one in run["steps"] if one["uses"] == "org/aws-run@v1"]
    assert set(step["with"]) <= set(Action.read(ROOT).inputs)
    call = yaml.safe_load((tmp_path / COMMENT_WORKFLOW).read_text())["jobs"]["aws-run"]
    assert call["uses"] == "org/aws-run/.github/workflows/pr-comment.yml@v1"
    reusable: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/pr-comment.yml").read_text())
    declared = reusable[True]["workflow_call"]["inputs"]
    assert set(call["with"]) <= set(declared)
    assert {name for name, one in declared.items() if one.get("required")} <= set(call["with"])
    # A caller's job must have at least the rights of the jobs that it calls.
    for job in reusable["jobs"].values():
        assert all(call["permissions"].get(name) == level for name, level in job["permissions"].items())
    for path in (WORKFLOW, COMMENT_WORKFLOW):
        checked = subprocess.run(
            [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.github-workflows",
             str(tmp_path / path)], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / COMMENT_WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / COMMENT_WORKFLOW).write_text("mine")
    given = ("--github", "org/aws-run@v1", "--repository", "acme/models")
    done = init(tmp_path, *given)
    assert done.returncode == 2
    assert not (tmp_path / WORKFLOW).exists()
    assert (tmp_path / COMMENT_WORKFLOW).read_text() == "mine"
    assert init(tmp_path, *given, "--force").returncode == 0


def test_only_this_repositorys_gated_workflows_may_assume_the_role() -> None:
    (statement,) = trust_policy(SETUP)["Statement"]
    issuer = "token.actions.githubusercontent.com"
    exact, alike = statement["Condition"]["StringEquals"], statement["Condition"]["StringLike"]
    assert exact[f"{issuer}:aud"] == "sts.amazonaws.com"
    assert exact[f"{issuer}:repository_id"] == "22"
    assert exact[f"{issuer}:sub"] == [
        "repo:acme/models:environment:aws-run",
        "repo:acme@11/models@22:environment:aws-run",
    ]
    assert all("*" not in subject for subject in exact[f"{issuer}:sub"])
    assert alike[f"{issuer}:job_workflow_ref"] == [
        "acme/models/.github/workflows/aws-run.yml@refs/heads/*",
        "org/aws-run/.github/workflows/pr-comment.yml@*",
    ]


@pytest.mark.parametrize("page", ["README.md", "docs/github-action.md"])
def test_the_workflows_of_the_docs_have_inputs_and_outputs_that_there_are(page: str) -> None:
    blocks = (ROOT / page).read_text(encoding="utf-8").split("```yaml\n")[1:]
    steps: list[Any] = []
    for block in blocks:
        document = yaml.safe_load(block.partition("```")[0])
        jobs = document.get("jobs", {}) if isinstance(document, dict) else {"": {"steps": document}}
        steps += [step for job in jobs.values() for step in job.get("steps", ()) if isinstance(step, dict)]
    uses = [step for step in steps if "/aws-run@" in step.get("uses", "")]
    assert uses
    for step in uses:
        assert set(step["with"]) <= set(Action.read(ROOT).inputs)


def test_the_docs_show_the_trust_policy_that_is_printed() -> None:
    text = (ROOT / "docs/github-action.md").read_text(encoding="utf-8")
    shown = json.loads(text.partition("```json\n")[2].partition("```")[0])
    ids = ("ORG_ID", "REPO_ID")
    setup = Setup(action="OWNER/aws-run@v1", repository="ORG/REPO", ids=ids, account="111122223333")
    assert shown == trust_policy(setup)
    assert f"environment: {ENVIRONMENT}" in text


@pytest.mark.parametrize(
    ("action", "repository"),
    [("org/aws-run", "a/b"), ("org/aws-run@", "a/b"), ("org@v1", "a/b"), ("o/a@v1", "b"), ("o/a@v1\nx: y", "a/b"),
     ("o/a@v1", "a/b\nc")],
)  # fmt: skip
def test_names_that_are_none_are_refused(action: str, repository: str) -> None:
    with pytest.raises(UsageError):
        Setup(action=action, repository=repository)
