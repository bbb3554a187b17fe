"""When a step writes a comment under the pull request, what it tells of it, and what becomes of it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.github.api import REPOSITORY, SHA, TOKEN, FakeGitHub, github
from tests.github.commands import read_values
from tests.unit.fakes import FakeClock
from tests.waiting import until

from aws_run.cli.github.comment import end_comment
from aws_run.cli.github.step import Step
from aws_run.errors import CapacityError, InterruptedRunError
from aws_run.events import LaneStarted, LogLine, RunStarted
from aws_run.github.comments.entry import base_branch, read_subject
from aws_run.github.environment import read_workflow_run
from aws_run.github.file_commands import FileCommands
from aws_run.github.inputs import read_inputs
from aws_run.report.github import GithubReporter
from aws_run.report.github_summary import SummaryRecorder


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with github() as fake:
        yield fake


class Bench:
    """A step in an environment of its own. `given`: its inputs."""

    def __init__(self, folder: Path, hub: FakeGitHub, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.hub = hub
        self.log = io.StringIO()
        self._patch = patch
        for name in ("output", "state", "step_summary"):
            (folder / name).touch()
            self.set(f"GITHUB_{name.upper()}", str(folder / name))
        self.set("GITHUB_API_URL", hub.url)
        self.set("GITHUB_REPOSITORY", REPOSITORY)
        self.set("GITHUB_RUN_ID", "41")
        self.set("GITHUB_RUN_ATTEMPT", "1")
        self.set("GITHUB_EVENT_NAME", "pull_request")
        self.set("AWSRUN_PULL_REQUEST", "")
        self.event(hub.pull_request())

    def set(self, name: str, value: str) -> None:
        self._patch.setenv(name, value)

    def event(self, event: Any) -> None:
        (self.folder / "event.json").write_text(json.dumps(event))
        self.set("GITHUB_EVENT_PATH", str(self.folder / "event.json"))

    def asked_by_a_comment(self) -> None:
        pinned = {"number": 7, "sha": SHA, "base": "main", "comment": 100, "fork": False}
        self.set("AWSRUN_PULL_REQUEST", json.dumps(pinned))

    @property
    def workflow(self) -> Any:
        return read_workflow_run(os.environ, self.folder)

    def inputs(self, **given: str) -> Any:
        given = {"github_token": TOKEN, **given}
        return read_inputs({f"INPUT_{name.replace('_', '-').upper()}": text for name, text in given.items()})

    def step(self, **given: str) -> Step:
        clock = FakeClock()
        reporter = GithubReporter(self.log, clock=clock, workspace=self.folder, new_token=lambda: "token")
        step = Step(files=FileCommands(os.environ), recorder=SummaryRecorder(clock), reporter=reporter)
        with reporter:
            step.open_comment(self.inputs(**given), self.workflow)
        return step

    def end(self, state: Any, sentence: str = "over", **given: str) -> None:
        end_comment(self.inputs(**given), self.workflow, state=state, sentence=sentence)

    def values(self, name: str) -> dict[str, str]:
        return read_values(self.folder / name)


@pytest.fixture
def bench(tmp_path: Path, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, hub, monkeypatch)


def test_always_shows_the_run_under_the_pull_request_of_the_event_and_tells_its_id_at_once(bench: Bench) -> None:
    step = bench.step(comment="always", comment_key="nightly", log_lines="2")
    until(lambda: "comment-id" in bench.values("output"))
    assert bench.values("output") == {"comment-id": "100"}
    assert bench.values("state") == {"COMMENT": "100"}
    for event in (
        RunStarted(run_id="r-1", project="p", region="r", account="a", backend="ec2"),
        LaneStarted(lane="image", text="x"),
        *(LogLine(timestamp_ms=0, text=f"line {number} token=abcdefgh12345") for number in range(4)),
    ):
        step.emit(event)
    assert step.failed(CapacityError("No machine", hint="try another")) == 125
    (comment,) = bench.hub.by_bot()
    assert comment.startswith("<!-- aws-run:v1 key=nightly run=41 attempt=1 -->")
    assert SHA[:12] in comment
    assert "No machine (try another)" in comment
    assert ("line 1" in comment, "line 2" in comment, "line 3" in comment) == (False, True, True)
    assert "abcdefgh12345" not in comment + (bench.folder / "step_summary").read_text()
    assert bench.hub.reactions == [], "no comment asked for it"


@pytest.mark.parametrize(
    ("given", "by_comment", "written"),
    [({}, False, False), ({}, True, True), ({"comment": "always"}, False, True), ({"comment": "never"}, True, False)],
)
def test_auto_writes_for_runs_of_comments_only_and_never_never(
    bench: Bench, given: dict[str, str], by_comment: bool, written: bool
) -> None:
    if by_comment:
        bench.asked_by_a_comment()
    step = bench.step(**given)
    assert step.failed(InterruptedRunError("Interrupted")) == 130
    assert len(bench.hub.by_bot()) == written
    assert (bench.hub.requests != []) is written
    if written:
        assert "was cancelled" in bench.hub.by_bot()[0]
        assert bench.hub.reactions == ([(100, "-1")] if by_comment else [])


def test_no_pull_request_no_token_and_no_permission_are_told(bench: Bench) -> None:
    bench.step(comment="always", github_token="")
    assert "github-token" in bench.log.getvalue()
    bench.hub.refusals.append(("POST", "/comments", 403, {}))
    step = bench.step(comment="always")
    step.failed(CapacityError("No machine"))
    step.reporter.__exit__(None, None, None)
    assert "GitHub answered 403" in bench.log.getvalue()
    assert "pull-requests: write" in bench.log.getvalue()
    assert "comment-id" not in bench.values("output")
    bench.event({"repository": {"default_branch": "trunk"}})
    bench.set("GITHUB_EVENT_NAME", "schedule")
    bench.step(comment="always")
    assert "this run (schedule) is about no pull request" in bench.log.getvalue()
    assert bench.hub.by_bot() == []


def test_a_second_run_writes_into_the_same_comment_and_an_older_one_leaves_it(bench: Bench) -> None:
    bench.step(comment="always").failed(CapacityError("first"))
    bench.set("GITHUB_RUN_ID", "42")
    bench.step(comment="always").failed(CapacityError("second"))
    bench.set("GITHUB_RUN_ID", "41")
    bench.step(comment="always").failed(CapacityError("first again"))
    (comment,) = bench.hub.by_bot()
    assert "second" in comment


def test_post_brings_the_comment_of_a_killed_step_to_its_end(bench: Bench) -> None:
    always = {"comment": "always"}
    step = bench.step(**always)
    until(lambda: bench.hub.by_bot())
    bench.end("cancelled", comment="never")
    bench.set("GITHUB_RUN_ID", "42")
    bench.end("cancelled", **always)
    assert "is waiting to start" in bench.hub.by_bot()[0], "not this run's"
    bench.set("GITHUB_RUN_ID", "41")
    bench.end("cancelled", "it was killed", **always)
    assert "it was killed" in bench.hub.by_bot()[0]
    bench.end("failed", "later", **always)
    assert "it was killed" in bench.hub.by_bot()[0], "an end stays"
    bench.end("cleanup-failed", "finish it with: aws-run cleanup r-1", **always)
    assert "something could not be removed" in bench.hub.by_bot()[0]
    bench.hub.refusals.append(("GET", "/comments", 403, {}))
    step.failed(CapacityError("it lived on"))


@pytest.mark.parametrize(
    ("event", "number", "base"),
    [
        ({"pull_request": {"number": 3, "head": {"sha": SHA}, "base": {"ref": "dev"}}}, 3, "dev"),
        ({"issue": {"number": 4, "pull_request": {}}, "repository": {"default_branch": "trunk"}}, None, "trunk"),
        ({"issue": {"number": 4, "pull_request": {"url": "x"}}, "repository": {"default_branch": "trunk"}}, 4, "trunk"),
        ({"repository": {"default_branch": "trunk"}}, None, "trunk"),
        ({"pull_request": "x", "issue": [], "repository": None}, None, ""),
        ([], None, ""),
    ],
)
def test_what_a_run_is_about_and_compared_with_is_read_from_the_event(
    bench: Bench, event: Any, number: int | None, base: str
) -> None:
    bench.event(event)
    subject = read_subject(os.environ)
    assert (subject.number if subject else None) == number
    assert base_branch(os.environ) == base
    bench.asked_by_a_comment()
    assert base_branch(os.environ) == "main"


def test_a_comment_that_never_got_the_runs_id_gets_it_at_the_end(bench: Bench) -> None:
    bench.step(comment="always")
    until(lambda: "comment-id" in bench.values("output"))
    (comment,) = bench.hub.by_bot()
    assert "demo-20260102-030405-0001" not in comment
    inputs = bench.inputs(comment="always")
    end_comment(inputs, bench.workflow, state="cancelled", sentence="over", run_id="demo-20260102-030405-0001")
    (comment,) = bench.hub.by_bot()
    assert "demo-20260102-030405-0001" in comment
