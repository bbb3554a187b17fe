"""`comment-gate` and `comment-update`: what the comment workflow calls.

Needs nothing but the standard library, so that the job that may write to pull requests installs nothing:
`python3 -m aws_run.github.comments gate`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_run.errors import EXIT_TOOL, EXIT_USAGE, AwsRunError, UsageError
from aws_run.frozen import frozen
from aws_run.github.comments.api import GitHubApi
from aws_run.github.comments.gate import Gate, Settings, quietly, react
from aws_run.github.comments.sticky import Sticky, Turn
from aws_run.github.comments.text import RUNNING_STATES, CommentState, State, render
from aws_run.github.environment import WorkflowRun, read_workflow_run
from aws_run.github.file_commands import FileCommands

# The workflow's inputs, as its steps hand them over: GATE_MAX_CPU and so on.
_INPUTS = (
    "trigger",
    "allow-forks",
    "comment-key",
    "max-cpu",
    "max-memory",
    "max-gpus",
    "max-timeout",
    "allow-spot",
    "instance-types",
)
_MOST_EVENT_BYTES = 8 << 20


@frozen
class PullRequest:
    """What the gate let through, as the workflow hands it to the action in AWSRUN_PULL_REQUEST. `head`: its branch,
    `OWNER:BRANCH` of a fork. `comment`: the id of the comment that asked for the run."""

    number: int
    sha: str
    base: str
    comment: int
    fork: bool
    head: str = ""


def read_pull_request(environ: Mapping[str, str]) -> PullRequest | None:
    """None where the step runs for no comment. UsageError for what can't be read: then nothing may run."""
    text = environ.get("AWSRUN_PULL_REQUEST", "")
    if not text:
        return None
    try:
        given = json.loads(text)
        return PullRequest(
            number=int(given["number"]),
            sha=str(given["sha"]),
            base=str(given["base"]),
            comment=int(given["comment"]),
            fork=given["fork"] is not False,
            head=str(given.get("head") or ""),
        )
    except (ValueError, KeyError, TypeError):
        raise UsageError("AWSRUN_PULL_REQUEST can't be read") from None


@frozen
class Subject:
    """The pull request that a step is about, whoever wanted the run. `sha`, `base`: empty where they are not known."""

    number: int
    sha: str
    base: str


def read_subject(environ: Mapping[str, str]) -> Subject | None:
    """What the gate let through, else what the workflow's event is about; None where that is no pull request."""
    pinned = read_pull_request(environ)
    if pinned is not None:
        return Subject(number=pinned.number, sha=pinned.sha, base=pinned.base)
    event = _event_or_nothing(environ)
    pull, issue = _mapping(event.get("pull_request")), _mapping(event.get("issue"))
    number = pull.get("number") or (issue.get("number") if issue.get("pull_request") else None)
    if not isinstance(number, int):
        return None
    sha, base = _mapping(pull.get("head")).get("sha"), _mapping(pull.get("base")).get("ref")
    return Subject(number=number, sha=str(sha or ""), base=str(base or ""))


def base_branch(environ: Mapping[str, str]) -> str:
    """The branch whose last run a step's run is compared with: the pull request's base, else the default branch."""
    subject = read_subject(environ)
    if subject is not None and subject.base:
        return subject.base
    return str(_mapping(_event_or_nothing(environ).get("repository")).get("default_branch") or "")


def _event_or_nothing(environ: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return read_event(environ)
    except UsageError:
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def api_of(environ: Mapping[str, str], token: str) -> GitHubApi:
    return GitHubApi(
        url=environ.get("GITHUB_API_URL", "https://api.github.com"),
        token=token,
        repository=environ.get("GITHUB_REPOSITORY", ""),
        sleep=time.sleep,
    )


def turn_of(workflow: WorkflowRun) -> Turn:
    return Turn(run=int(workflow.run_id or 0), attempt=int(workflow.attempt or 1))


def gate(environ: Mapping[str, str]) -> int:
    """0 whether or not something is to be run: that is in the output `run`. Nothing runs where this fails."""
    settings = Settings(inputs={name: environ.get(_variable(name), "") for name in _INPUTS})
    workflow = read_workflow_run(environ, Path.cwd())
    api = api_of(environ, environ.get("GITHUB_TOKEN", ""))
    event = read_event(environ)
    decision = Gate(api, settings, turn=turn_of(workflow), run_url=workflow.url).decide(event)
    outputs = {"run": str(decision.run).lower(), "reason-code": decision.reason, **decision.outputs}
    FileCommands(environ).outputs({name: value for name, value in outputs.items() if value})
    sys.stderr.write(f"comment-gate: {decision.reason}\n")
    return 0


def update(environ: Mapping[str, str], state: str) -> int:
    """The end of a run that could not say so itself: its comment is brought to `state` unless it has come to an end."""
    pull = read_pull_request(environ)
    if pull is None:
        raise UsageError("AWSRUN_PULL_REQUEST is not set")
    if state not in ("failed", "cancelled"):
        raise UsageError(f"{state!r} is not an end of a run: failed or cancelled")
    workflow = read_workflow_run(environ, Path.cwd())
    api = api_of(environ, environ.get("GITHUB_TOKEN", ""))
    sticky = Sticky(api, number=pull.number, key=environ.get(_variable("comment-key"), ""))
    sentence = "The workflow was cancelled." if state == "cancelled" else "The workflow failed before the run ended."
    ended: State = "cancelled" if state == "cancelled" else "failed"
    if bring_to_end(sticky, workflow, CommentState(state=ended, sha=pull.sha, sentence=sentence)):
        quietly(lambda: react(api, pull.comment, "-1"))
    return 0


def bring_to_end(sticky: Sticky, workflow: WorkflowRun, ended: CommentState) -> bool:
    """Writes the comment of this very attempt, unless it has come to an end already; one that could not be cleaned up
    overrules each other end. Whether it was written."""
    there = sticky.find()
    ours = turn_of(workflow)
    if there is None or there.turn != ours:
        return False
    if there.data.get("state") not in RUNNING_STATES and ended.state != "cleanup-failed":
        return False
    run_id = ended.run_id or str(there.data.get("run") or "")
    told = replace(ended, run_url=workflow.url, run_id=run_id)
    told = replace(told, sha=ended.sha or str(there.data.get("sha") or ""))
    return sticky.write(render(told), ours, told.data(there.data)) is not None


def read_event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What has happened, as the runner wrote it down. UsageError where there is no such file."""
    try:
        with Path(environ.get("GITHUB_EVENT_PATH", "")).open("rb") as file:
            event = json.loads(file.read(_MOST_EVENT_BYTES))
    except (OSError, ValueError):
        raise UsageError("GITHUB_EVENT_PATH names no event that can be read") from None
    return event if isinstance(event, dict) else {}


def _variable(name: str) -> str:
    return f"GATE_{name.upper().replace('-', '_')}"


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["gate"]:
                return gate(os.environ)
            case ["update", state]:
                return update(os.environ, state)
            case _:
                sys.stderr.write("usage: python3 -m aws_run.github.comments gate | update failed|cancelled\n")
                return EXIT_USAGE
    except AwsRunError as error:
        sys.stderr.write(f"error: {error.message}\n")
        return error.exit_code or EXIT_TOOL
