"""The gate: who may start what, decided before anything of the pull request is fetched. Closed where GitHub is silent.

It reads the event, GitHub's API and the workflow's own inputs; of the pull request it reads no file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from aws_run.errors import AwsRunError, UsageError
from aws_run.frozen import frozen
from aws_run.github.comments import caps
from aws_run.github.comments.api import GitHubApi, GitHubError
from aws_run.github.comments.command import Command, help_text, parse
from aws_run.github.comments.sticky import Sticky, Turn
from aws_run.github.comments.text import RUNNING_STATES, CommentState, cost_text, render, status_text

_MAY_RUN = ("admin", "write")  # `maintain` is shown as write by that API
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_NO_RUN = "No run of this pull request yet."
_COMMIT = re.compile(r"[0-9a-f]{40}")


@frozen
class Settings:
    """Of the workflow, never of the pull request. `inputs`: the workflow's, by their names."""

    inputs: Mapping[str, str]

    @property
    def trigger(self) -> str:
        return self.inputs.get("trigger") or "/aws-run"

    @property
    def allow_forks(self) -> bool:
        return self.inputs.get("allow-forks") == "true"

    @property
    def key(self) -> str:
        return self.inputs.get("comment-key") or ""


@frozen
class Decision:
    """`reason`: one word, for the output reason-code. `outputs`: for the job that runs; empty where nothing is run."""

    run: bool
    reason: str
    outputs: Mapping[str, str] = field(default_factory=dict)


class Denied(Exception):
    """`tell`: what the comment's author is told; None: nothing but a reaction, for strangers."""

    def __init__(self, reason: str, tell: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tell = tell


class Gate:
    def __init__(self, api: GitHubApi, settings: Settings, *, turn: Turn, run_url: str) -> None:
        self._api = api
        self._settings = settings
        self._turn = turn
        self._run_url = run_url

    def decide(self, event: Mapping[str, Any]) -> Decision:
        """Reacts and answers under the pull request as well; a reaction that fails changes nothing."""
        comment, issue = event.get("comment") or {}, event.get("issue") or {}
        if event.get("action") != "created" or not issue.get("pull_request"):
            return Decision(run=False, reason="no-command")
        wrong: UsageError | None = None
        command: Command | None = None
        try:
            command = parse(str(comment.get("body") or ""), self._settings.trigger)
        except UsageError as error:
            wrong = error
        if command is None and wrong is None:
            return Decision(run=False, reason="no-command")
        number, comment_id = int(issue["number"]), int(comment["id"])
        try:
            self._refuse_stranger(comment.get("user") or {})
            command = _understood(command, wrong)
            self._react(comment_id, "eyes")
            return self._carry_out(command, number, comment_id)
        except Denied as denied:
            self._react(comment_id, "-1")
            if denied.tell:
                self._answer(number, denied.tell)
            return Decision(run=False, reason=denied.reason)

    def _carry_out(self, command: Command, number: int, comment_id: int) -> Decision:
        sticky = Sticky(self._api, number=number, key=self._settings.key)
        match command.verb:
            case "help":
                self._answer(number, help_text(self._settings.trigger))
            case "status":
                there = sticky.find()
                self._answer(number, status_text(there.data, there.url) if there else _NO_RUN)
            case "cost":
                there = sticky.find()
                self._answer(number, cost_text(there.data) if there else _NO_RUN)
            case "stop":
                self._stop(sticky, number)
            case "run":
                return self._start(command, number, comment_id, sticky)
        return Decision(run=False, reason=command.verb)

    def _start(self, command: Command, number: int, comment_id: int, sticky: Sticky) -> Decision:
        pull = self._fetched(f":/pulls/{number}", "pull-request-unknown")
        if pull.get("state") != "open":
            raise Denied("closed", "The pull request is closed.")
        sha, fork = head_of(pull)
        wanted = command.flags.get("sha")
        if wanted is not None and wanted != sha:
            raise Denied("ref-changed", f"The pull request's newest commit is `{sha}`, not `{wanted}`.")
        if fork:
            self._refuse_fork(pull, number, sha, named=wanted is not None)
        flags = {name: value for name, value in command.flags.items() if name != "sha"}
        try:
            limits = caps.read_caps(self._settings.inputs)
            caps.check(flags, limits)
        except UsageError as error:
            raise Denied("cap", f"{error.message}.") from None
        flags.setdefault("timeout", self._settings.inputs["max-timeout"])
        there = sticky.find()
        state = CommentState(state="queued", sha=sha, run_url=self._run_url, resources=_wanted(flags))
        data = state.data(there.data if there else {})
        written = sticky.write(render(state), self._turn, data)
        if written is None:
            raise Denied("superseded", None)
        base = str((pull.get("base") or {}).get("ref") or "")
        head = _branch(pull, fork=fork)
        pinned = {"number": number, "sha": sha, "base": base, "head": head, "comment": comment_id, "fork": fork}
        outputs = {
            name: flags.get(name, "") for name in ("gpu", "cpu", "memory", "timeout", "backend", "instance-type")
        }
        return Decision(
            run=True,
            reason="run",
            outputs={
                **outputs,
                "spot": flags.get("spot", "false"),
                "sha": sha,
                "pull-request": json.dumps(pinned),
                "repository": str(((pull.get("head") or {}).get("repo") or {}).get("full_name") or ""),
                "number": str(number),
                "fork": str(fork).lower(),
                "comment-id": str(written),
            },
        )

    def _stop(self, sticky: Sticky, number: int) -> None:
        """Cancels the workflow's run, which ends the task and removes what it uses."""
        there = sticky.find()
        if there is None or there.data.get("state") not in RUNNING_STATES:
            raise Denied("nothing-runs", "No run of this pull request is going on.")
        try:
            self._api.call("POST", f":/actions/runs/{there.turn.run}/cancel")
        except GitHubError as error:
            raise Denied("not-stopped", f"The run could not be stopped: {error.message}.") from None
        self._answer(number, f"Stopping [the run]({there.url}).")

    def _refuse_stranger(self, user: Mapping[str, Any]) -> None:
        login = str(user.get("login") or "")
        if user.get("type") == "Bot" or not _LOGIN.fullmatch(login):
            raise Denied("bot")
        if not self._may_write(login):
            raise Denied("permission")

    def _may_write(self, login: str) -> bool:
        try:
            shown = self._api.get(f":/collaborators/{login}/permission")
        except AwsRunError:
            return False
        return isinstance(shown, Mapping) and shown.get("permission") in _MAY_RUN

    def _refuse_fork(self, pull: Mapping[str, Any], number: int, sha: str, *, named: bool) -> None:
        if not self._settings.allow_forks:
            raise Denied("fork", "This pull request comes from a fork, and this workflow runs no code of forks.")
        if not named:
            raise Denied("fork", f"A fork's code runs by its commit only: `{self._settings.trigger} --sha {sha}`.")
        author = (pull.get("user") or {}).get("login")
        try:
            approved = approvers(self._api.pages(f":/pulls/{number}/reviews"), sha) - {author}
        except AwsRunError:
            approved = set()
        if not any(_LOGIN.fullmatch(login) and self._may_write(login) for login in sorted(approved)):
            raise Denied("fork-not-approved", f"Nobody who may write has approved the commit `{sha}` in a review.")

    def _fetched(self, path: str, reason: str) -> Mapping[str, Any]:
        try:
            value = self._api.get(path)
        except AwsRunError as error:
            raise Denied(reason, f"{error.message}; nothing was started.") from None
        if not isinstance(value, Mapping):
            raise Denied(reason)
        return value

    def _answer(self, number: int, text: str) -> None:
        quietly(lambda: self._api.call("POST", f":/issues/{number}/comments", {"body": text}))

    def _react(self, comment_id: int, content: str) -> None:
        react(self._api, comment_id, content)


def _understood(command: Command | None, wrong: UsageError | None) -> Command:
    if wrong is not None or command is None:
        hint = f" Try `{wrong.hint}`." if wrong and wrong.hint else ""
        raise Denied("usage", f"{wrong.message if wrong else ''}.{hint}")
    return command


def head_of(pull: Mapping[str, Any]) -> tuple[str, bool]:
    """The newest commit, and whether it is a fork's. A head whose repository is gone counts as one."""
    head, base = pull.get("head") or {}, pull.get("base") or {}
    sha = str(head.get("sha") or "")
    if not _COMMIT.fullmatch(sha):
        raise Denied("pull-request-unknown", "GitHub did not tell the pull request's newest commit.")
    mine, theirs = (head.get("repo") or {}).get("id"), (base.get("repo") or {}).get("id")
    return sha, mine is None or mine != theirs


def approvers(reviews: Any, sha: str) -> set[str]:
    """Whose last word on the pull request is an approval of exactly that commit. A remark takes none back."""
    last: dict[str, bool] = {}
    for review in reviews:
        login, state = str((review.get("user") or {}).get("login") or ""), review.get("state")
        if state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[login] = state == "APPROVED" and review.get("commit_id") == sha
    return {login for login, approved in last.items() if approved}


def head_is_still(api: GitHubApi, number: int, sha: str) -> bool:
    """Read again just before the task starts: a push after the comment is other code."""
    pull = api.get(f":/pulls/{number}")
    return pull.get("state") == "open" and (pull.get("head") or {}).get("sha") == sha


def react(api: GitHubApi, comment_id: int, content: str) -> None:
    quietly(lambda: api.call("POST", f":/issues/comments/{comment_id}/reactions", {"content": content}))


def quietly(action: Callable[[], object]) -> None:
    """What only tells somebody something never decides anything."""
    try:
        action()
    except AwsRunError:
        return


def _wanted(flags: Mapping[str, str]) -> str:
    return " ".join(f"--{name}" if name == "spot" else f"--{name} {value}" for name, value in flags.items())


def _branch(pull: Mapping[str, Any], *, fork: bool) -> str:
    """The pull request's branch, as an allowance counts it. A fork's stands behind its owner's name, as GitHub shows
    it: else a stranger's `main` would use what is allowed to ours."""
    head = pull.get("head") or {}
    return str((head.get("label") if fork else head.get("ref")) or "")
