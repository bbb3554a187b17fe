"""Commands that find an embedded AWS by what the shell exported: with its own keys, and with those of one that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_run.cli import compose, main
from aws_run.errors import UsageError
from aws_run.local import state
from aws_run.local.options import LocalAws

LOCAL = LocalAws(
    endpoint_url="http://127.0.0.1:9", region="us-east-1", account="123456789012", runtime="process",
    runtime_reason="as a test has it", state_dir="/nowhere", access_key="AKIALOCALABCDEFGHIJK", secret_key="secret", token="token",
)  # fmt: skip


def test_keys_of_one_that_is_gone_are_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in LOCAL.environment().items():
        monkeypatch.setenv(name, value)
    folder = state.made_state_dir()
    with state.held(folder), state.written(folder, LOCAL):
        with compose.open_target(local=False) as there:
            assert there.embedded
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the one before")
        with (
            pytest.raises(UsageError, match="embedded AWS that has stopped") as refused,
            compose.open_target(local=False),
        ):
            pytest.fail("taken")
        assert "aws-run local start" in (refused.value.hint or "")


def test_the_next_command_names_the_region_and_the_profile_that_this_one_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with compose.open_target(False, flags={"region": "eu-west-1", "profile": "a b", "name": None}) as there:
        assert there.flag == " --region eu-west-1 --profile 'a b'"
    with compose.open_target(False, flags={"region": None, "profile": None}) as there:
        assert there.flag == ""


def test_one_that_has_stopped_is_told_and_a_shell_that_names_it_can_forget_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name, value in LOCAL.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="has stopped") as refused, compose.open_target(local=False):
        pytest.fail("taken")
    assert 'eval "$(aws-run local stop)"' in (refused.value.hint or "")
    assert main._run(["local", "stop"], debug=False) == 0
    assert capsys.readouterr().out.split() == ["unset", *LOCAL.environment()]
    # Another's keys, and an endpoint of the user's own, are no affair of ours.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    with compose.open_target(local=False) as there:
        assert not there.embedded
    assert main._run(["local", "stop"], debug=False) == 0
    assert capsys.readouterr().out == ""
