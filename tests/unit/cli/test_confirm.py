"""What is asked before something is removed for good, and what a no ends with."""

from __future__ import annotations

import io

import pytest

from aws_run.cli.confirm import confirm_removal
from aws_run.errors import UsageError


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


def confirm(monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("sys.stderr", Typed())
    confirm_removal("Delete it?", at_stake="It holds all results")


def test_a_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm(monkeypatch, Typed("y\n"))


@pytest.mark.parametrize("typed", ["n\n", "\n"])
def test_a_no_says_that_nothing_was_removed(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    with pytest.raises(UsageError, match="Nothing was removed"):
        confirm(monkeypatch, Typed(typed))


@pytest.mark.parametrize("stdin", [io.StringIO("y\n"), None])
def test_where_nobody_can_answer_what_is_at_stake_is_told(
    monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    with pytest.raises(UsageError, match="It holds all results") as caught:
        confirm(monkeypatch, stdin)
    assert caught.value.hint == "add --yes to confirm"


@pytest.mark.parametrize("log", [io.StringIO(), None])
def test_nobody_is_asked_inside_a_log(monkeypatch: pytest.MonkeyPatch, log: io.StringIO | None) -> None:
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    monkeypatch.setattr("sys.stderr", log)
    with pytest.raises(UsageError, match="It holds all results"):
        confirm_removal("Delete it?", at_stake="It holds all results")
    assert log is None or log.getvalue() == ""
