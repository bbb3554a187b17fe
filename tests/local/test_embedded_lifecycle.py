"""`aws-run local start|status|stop` and the embedded AWS of one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.local.support import admin

from aws_run.errors import AwsRunError
from aws_run.local import LocalOptions, for_command, running, start, status, stop


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_started_one_is_found_used_and_stopped() -> None:
    assert running() is None
    assert stop() is False
    local = start(LocalOptions(runtime="process", boot_s=0.1, no_capacity=("*",)))
    try:
        assert running() == local
        found = status()
        assert found is not None
        assert found["runtime"] == "process"
        with for_command(LocalOptions()) as used:
            assert used == local
        with pytest.raises(AwsRunError, match="running already"):
            start(LocalOptions())
        admin(local, "clock", {"advance_s": 3600})
    finally:
        assert stop() is True
    assert running() is None
    assert status() is None


def test_without_one_a_command_has_its_own_until_it_ends() -> None:
    with for_command(LocalOptions(runtime="process")) as local:
        assert admin(local, "status")["account"] == local.account
        assert running() is None
    with pytest.raises(OSError, match="refused"):
        admin(local, "status")


def test_one_that_can_not_start_says_why() -> None:
    with pytest.raises(AwsRunError, match="did not start"):
        start(LocalOptions(runtime="process", host="203.0.113.1"))
