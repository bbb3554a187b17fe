"""The gate, from an event to what is written under the pull request: who may start what, and that it is closed otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.github.api import BOT, OTHER_SHA, REPOSITORY, SHA, TOKEN, FakeGitHub
from tests.github.commands import read_values
from tests.unit.github.test_comment_command import LIMITS

from aws_run.errors import AwsRunError
from aws_run.github.comments.api import GitHubApi, GitHubError
from aws_run.github.comments.gate import Decision, Gate, Settings, head_is_still
from aws_run.github.comments.sticky import Sticky, Turn, marker

ROOT = Path(__file__).resolve().parents[2]


def api(hub: FakeGitHub, slept: list[float] | None = None) -> GitHubApi:
    sleeps = slept if slept is not None else []
    return GitHubApi(url=hub.url, token=TOKEN, repository=REPOSITORY, sleep=sleeps.append)


def gate(hub: FakeGitHub, tmp_path: Path, event: dict[str, Any], run: int = 5, **changes: str) -> dict[str, str]:
    """Its outputs. It runs as the workflow runs it: a Python with nothing but the standard library."""
    (tmp_path / "event.json").write_text(json.dumps(event))
    output = tmp_path / "output"
    output.write_text("")
    limits = {f"GATE_{name.upper().replace('-', '_')}": text for name, text in LIMITS.items()}
    environment = {
        "PATH": os.environ["PATH"], "GITHUB_API_URL": hub.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_OUTPUT": str(output), "GITHUB_RUN_ID": str(run),
        "GITHUB_RUN_ATTEMPT": "1", "GATE_TRIGGER": "/aws-run", "GATE_ALLOW_FORKS": "false", **limits, **changes,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-S", "-m", "aws_run.github.comments", "gate"],
        cwd=ROOT / "runner", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return read_values(output)


def decide(hub: FakeGitHub, event: dict[str, Any], **changes: str) -> Decision:
    """The gate in this process, which waits for nothing."""
    settings = Settings(inputs={"trigger": "/aws-run", **LIMITS, **changes})
    return Gate(api(hub), settings, turn=Turn(run=5, attempt=1), run_url="").decide(event)


def test_a_writers_comment_starts_a_run_of_exactly_that_commit(hub: FakeGitHub, tmp_path: Path) -> None:
    event = hub.event("/aws-run --gpu L4:1 --spot")
    outputs = gate(hub, tmp_path, event)
    assert outputs["run"] == "true"
    assert (outputs["sha"], outputs["number"], outputs["fork"]) == (SHA, "7", "false")
    pinned = {
        "number": 7,
        "sha": SHA,
        "base": "main",
        "head": "feature",
        "comment": event["comment"]["id"],
        "fork": False,
    }
    assert json.loads(outputs["pull-request"]) == pinned
    assert (outputs["gpu"], outputs["spot"], outputs["timeout"]) == ("L4:1", "true", "1h")
    assert (event["comment"]["id"], "eyes") in hub.reactions
    (sticky,) = hub.by_bot()
    assert sticky.startswith(marker("", Turn(run=5, attempt=1)))
    assert SHA[:12] in sticky


@pytest.mark.parametrize("login", ["eve", "stranger", "dependabot[bot]", "../boss", "boss/../ann"])
def test_a_stranger_gets_nothing_but_a_reaction(hub: FakeGitHub, tmp_path: Path, login: str) -> None:
    outputs = gate(hub, tmp_path, hub.event("/aws-run", login))
    assert outputs["run"] == "false"
    assert hub.by_bot() == []
    assert [content for _, content in hub.reactions] == ["-1"]


@pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500, 502])
def test_a_permission_that_github_does_not_tell_is_none(hub: FakeGitHub, status: int) -> None:
    hub.refusals.append(("GET", "/permission", status, {}))
    decision = decide(hub, hub.event("/aws-run"))
    assert (decision.run, decision.reason, dict(decision.outputs)) == (False, "permission", {})
    assert hub.by_bot() == []


@pytest.mark.parametrize("answer", [None, [], "write", {}, {"permission": "maintain"}, {"permission": ["write"]}])
def test_an_answer_that_is_no_permission_is_none(hub: FakeGitHub, answer: Any) -> None:
    hub.permission = lambda login: answer
    assert decide(hub, hub.event("/aws-run")).reason == "permission"


def test_a_bot_that_may_write_starts_nothing(hub: FakeGitHub) -> None:
    hub.permissions["helper"] = "admin"
    event = hub.event("/aws-run", "helper")
    event["comment"]["user"]["type"] = "Bot"
    assert decide(hub, event).reason == "bot"


@pytest.mark.parametrize("status", [404, 500])
def test_a_pull_request_that_github_does_not_show_runs_nothing(hub: FakeGitHub, status: int) -> None:
    hub.refusals.append(("GET", "/pulls/7", status, {}))
    assert decide(hub, hub.event("/aws-run")).reason == "pull-request-unknown"


def test_reviews_that_github_does_not_show_are_none(hub: FakeGitHub) -> None:
    hub.make_fork()
    hub.reviews = [approval("boss")]
    hub.refusals.append(("GET", "/reviews", 500, {}))
    assert decide(hub, hub.event(f"/aws-run --sha {SHA}"), **{"allow-forks": "true"}).reason == "fork-not-approved"


def test_a_server_that_fails_is_asked_again_a_few_times(hub: FakeGitHub) -> None:
    hub.refusals.append(("GET", "/permission", 500, {}))
    slept: list[float] = []
    with pytest.raises(GitHubError):
        api(hub, slept).get(":/collaborators/ann/permission")
    assert slept == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    "change",
    [
        {"action": "edited"},
        {"action": "deleted"},
        {"issue": {"number": 7, "state": "open"}},
    ],
)
def test_edits_and_comments_under_issues_are_ignored(hub: FakeGitHub, tmp_path: Path, change: dict[str, Any]) -> None:
    outputs = gate(hub, tmp_path, hub.event("/aws-run", **change))
    assert (outputs["run"], outputs["reason-code"]) == ("false", "no-command")
    assert hub.requests == []


def test_other_comments_are_not_looked_at(hub: FakeGitHub, tmp_path: Path) -> None:
    assert gate(hub, tmp_path, hub.event("please /aws-run"))["reason-code"] == "no-command"
    assert hub.requests == []


def test_a_limit_is_told_before_anything_of_aws_is_touched(hub: FakeGitHub, tmp_path: Path) -> None:
    outputs = gate(hub, tmp_path, hub.event("/aws-run --gpu 8"))
    assert (outputs["run"], outputs["reason-code"]) == ("false", "cap")
    assert "more than this workflow allows" in hub.by_bot()[0]


def test_a_closed_pull_request_runs_nothing(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.pull["state"] = "closed"
    assert gate(hub, tmp_path, hub.event("/aws-run"))["reason-code"] == "closed"


def test_a_commit_that_is_named_must_be_the_newest(hub: FakeGitHub, tmp_path: Path) -> None:
    assert gate(hub, tmp_path, hub.event(f"/aws-run --sha {OTHER_SHA}"))["reason-code"] == "ref-changed"
    assert gate(hub, tmp_path, hub.event(f"/aws-run --sha {SHA}"))["run"] == "true"


def approval(login: str, sha: str = SHA, state: str = "APPROVED") -> dict[str, Any]:
    return {"user": {"login": login}, "commit_id": sha, "state": state}


@pytest.mark.parametrize(
    ("command", "allow", "reviews", "expected"),
    [
        ("/aws-run", "false", [approval("boss")], "fork"),
        (f"/aws-run --sha {SHA}", "false", [approval("boss")], "fork"),
        ("/aws-run", "true", [approval("boss")], "fork"),
        (f"/aws-run --sha {OTHER_SHA}", "true", [approval("boss", OTHER_SHA)], "ref-changed"),
        (f"/aws-run --sha {SHA}", "true", [], "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("boss", OTHER_SHA)], "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("eve")], "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("carl")], "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("boss"), approval("boss", state="CHANGES_REQUESTED")],
         "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("boss"), approval("boss", state="DISMISSED")], "fork-not-approved"),
        (f"/aws-run --sha {SHA}", "true", [approval("boss"), approval("boss", state="COMMENTED")], "run"),
        (f"/aws-run --sha {SHA}", "true", [*([approval("eve")] * 40), approval("boss")], "run"),
    ],
)  # fmt: skip
def test_a_forks_code_runs_only_as_an_approved_commit(
    hub: FakeGitHub, tmp_path: Path, command: str, allow: str, reviews: list[dict[str, Any]], expected: str
) -> None:
    hub.make_fork()
    hub.permissions["carl"] = "write"
    hub.reviews = reviews
    outputs = gate(hub, tmp_path, hub.event(command), GATE_ALLOW_FORKS=allow)
    assert outputs["reason-code"] == expected
    assert outputs["run"] == str(expected == "run").lower()
    if expected == "run":
        assert (outputs["fork"], outputs["repository"]) == ("true", "stranger/models")
        assert json.loads(outputs["pull-request"])["head"] == "stranger:feature"


def test_a_head_whose_repository_is_gone_counts_as_a_fork(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.pull["head"]["repo"] = None
    assert gate(hub, tmp_path, hub.event("/aws-run"))["reason-code"] == "fork"


def test_a_push_after_the_comment_is_seen_before_the_task_starts(hub: FakeGitHub) -> None:
    assert head_is_still(api(hub), 7, SHA)
    hub.pull["head"]["sha"] = OTHER_SHA
    assert not head_is_still(api(hub), 7, SHA)
    hub.refusals.append(("GET", "/pulls/7", 404, {}))
    with pytest.raises(AwsRunError):
        head_is_still(api(hub), 7, SHA)


def test_a_reaction_that_fails_does_not_stop_a_run(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.refusals.append(("POST", "/reactions", 403, {}))
    assert gate(hub, tmp_path, hub.event("/aws-run"))["run"] == "true"


def test_help_status_cost_and_stop_answer(hub: FakeGitHub, tmp_path: Path) -> None:
    assert gate(hub, tmp_path, hub.event("/aws-run status"))["run"] == "false"
    assert "No run" in hub.by_bot()[-1]
    gate(hub, tmp_path, hub.event("/aws-run help"))
    assert "--gpu" in hub.by_bot()[-1]
    assert gate(hub, tmp_path, hub.event("/aws-run stop"))["reason-code"] == "nothing-runs"
    gate(hub, tmp_path, hub.event("/aws-run"), run=41)
    gate(hub, tmp_path, hub.event("/aws-run stop"), run=42)
    assert hub.cancelled == [41]
    Sticky(api(hub), number=7, key="").write(
        "x", Turn(run=43, attempt=1), {"state": "succeeded", "costs": {"r-1": "0.5"}}
    )
    gate(hub, tmp_path, hub.event("/aws-run cost"), run=44)
    assert "0.5000" in hub.by_bot()[-1]
    gate(hub, tmp_path, hub.event("/aws-run status"), run=45)
    assert "succeeded" in hub.by_bot()[-1]


# -- the sticky comment -------------------------------------------------------------------------------------------


def test_the_comment_is_found_by_its_author_as_well_as_by_its_marker(hub: FakeGitHub) -> None:
    forged = hub.add_comment(f"{marker('', Turn(run=999, attempt=1))}\nall is well", "eve")
    sticky = Sticky(api(hub), number=7, key="")
    assert sticky.find() is None
    made = sticky.write("true state", Turn(run=5, attempt=1), {})
    assert made != forged
    assert "all is well" in hub.comments[0]["body"]


def test_an_older_run_never_overwrites_a_newer_one(hub: FakeGitHub) -> None:
    sticky = Sticky(api(hub), number=7, key="")
    first = sticky.write("of six", Turn(run=6, attempt=1), {})
    assert sticky.write("of five", Turn(run=5, attempt=9), {}) is None
    assert sticky.write("of six again", Turn(run=6, attempt=2), {}) == first
    assert "of six again" in hub.by_bot()[0]
    assert len(hub.by_bot()) == 1


def test_comments_of_other_keys_and_on_later_pages_are_told_apart(hub: FakeGitHub) -> None:
    for number in range(70):
        hub.add_comment(f"talk {number}", "eve")
    other = Sticky(api(hub), number=7, key="other").write("other", Turn(run=1, attempt=1), {})
    mine = Sticky(api(hub), number=7, key="mine").write("mine", Turn(run=1, attempt=1), {"a": 1})
    assert other != mine
    found = Sticky(api(hub), number=7, key="mine").find()
    assert found is not None
    assert (found.id, found.data) == (mine, {"a": 1})
    assert hub.comments[-1]["user"]["login"] == BOT


def test_the_token_goes_to_github_alone(hub: FakeGitHub) -> None:
    with pytest.raises(AwsRunError, match="https"):
        GitHubApi(url="http://example.com", token=TOKEN, repository=REPOSITORY, sleep=lambda s: None)
    hub.refusals.append(("GET", "/pulls/7", 302, {"Location": f"{hub.url}/elsewhere"}))
    with pytest.raises(GitHubError):
        api(hub).get(":/pulls/7")
    assert "GET /elsewhere" not in hub.requests


def test_a_comment_is_never_written_twice_for_a_lost_answer(hub: FakeGitHub) -> None:
    hub.refusals.append(("POST", "/comments", 502, {}))
    with pytest.raises(GitHubError):
        Sticky(api(hub), number=7, key="").write("x", Turn(run=1, attempt=1), {})
    assert [line for line in hub.requests if line.startswith("POST")] == [f"POST /repos/{REPOSITORY}/issues/7/comments"]


def test_a_rate_limit_is_waited_out_while_it_is_short(hub: FakeGitHub) -> None:
    slept: list[float] = []
    hub.refusals.append(("GET", "/pulls/7", 429, {"Retry-After": "7"}))
    hub.on_request = lambda line: hub.refusals.clear() if len(hub.requests) == 2 else None
    assert api(hub, slept).get(":/pulls/7")["number"] == 7
    assert slept == [7.0]
