"""The one comment that shows a pull request's runs: found by marker and author, written by the newest run only."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from aws_run.frozen import frozen
from aws_run.github.comments.api import GitHubApi, GitHubError

# Whose comments a workflow's own token writes; such a token may not ask who it is.
ACTIONS_BOT = "github-actions[bot]"
MOST_CHARACTERS = 65_536
_MARKER = re.compile(
    r"<!-- aws-run:v1 key=(?P<key>[A-Za-z0-9._-]*) run=(?P<run>[0-9]+) attempt=(?P<attempt>[0-9]+) -->"
)
_STATE = re.compile(r"<!-- aws-run:state ([A-Za-z0-9_=-]+) -->")


@frozen
class Turn:
    """Which run of the workflow writes; a later one wins."""

    run: int
    attempt: int

    def is_older_than(self, other: Turn) -> bool:
        return (self.run, self.attempt) < (other.run, other.attempt)


@frozen
class OurComment:
    """`data`: what an earlier run kept in the comment for later ones."""

    id: int
    url: str
    turn: Turn
    data: Mapping[str, Any]


def marker(key: str, turn: Turn) -> str:
    return f"<!-- aws-run:v1 key={key} run={turn.run} attempt={turn.attempt} -->"


class Sticky:
    """`number`: the pull request's. `key` tells several comments under it apart."""

    def __init__(self, api: GitHubApi, *, number: int, key: str) -> None:
        self._api = api
        self._number = number
        self._key = key
        self._author: str | None = None

    def find(self) -> OurComment | None:
        """The newest of ours. A comment of anybody else, whatever marker it has, is never one."""
        newest = None
        for comment in self._api.pages(f":/issues/{self._number}/comments"):
            match = _MARKER.match(str(comment.get("body") or ""))
            if match is None or match["key"] != self._key or not self._is_ours(comment):
                continue
            newest = OurComment(
                id=int(comment["id"]),
                url=str(comment.get("html_url") or ""),
                turn=Turn(run=int(match["run"]), attempt=int(match["attempt"])),
                data=_data(str(comment["body"])),
            )
        return newest

    def write(self, text: str, turn: Turn, data: Mapping[str, Any]) -> int | None:
        """The comment's id; None where a later run has written it already, which stays as it is."""
        there = self.find()
        if there is not None and turn.is_older_than(there.turn):
            return None
        body = f"{marker(self._key, turn)}\n<!-- aws-run:state {_packed(data)} -->\n{text}"
        if there is not None:
            self._api.call("PATCH", f":/issues/comments/{there.id}", {"body": body[:MOST_CHARACTERS]})
            return there.id
        made, _ = self._api.call("POST", f":/issues/{self._number}/comments", {"body": body[:MOST_CHARACTERS]})
        return int(made["id"])

    def _is_ours(self, comment: Mapping[str, Any]) -> bool:
        if self._author is None:
            self._author = self._own_name()
        return str((comment.get("user") or {}).get("login")) == self._author

    def _own_name(self) -> str:
        try:
            return str(self._api.get("/user")["login"])
        except GitHubError as error:
            if error.status in (401, 403, 404):
                return ACTIONS_BOT
            raise


def _packed(data: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode()


def _data(body: str) -> Mapping[str, Any]:
    match = _STATE.search(body)
    try:
        value = json.loads(base64.urlsafe_b64decode(match[1])) if match else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
