"""`aws-run local start|status|stop` and the embedded AWS of one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.local.support import admin

from aws_run.errors import AwsRunError
from aws_run.local import LocalOptions, for_command, running, start, status, stop
from aws_run.local.embedded import Embedded


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_started_one_is_found_used_and_stopped() -> None:
    assert running() is None
    assert stop() is False
    local, new = start(LocalOptions(runtime="process", boot_s=0.1, no_capacity=("*",)))
    try:
        assert new
        assert running() == local
        found = status()
        assert found is not None
        assert found["runtime"] == "process"
        with for_command(LocalOptions()) as used:
            assert used == local
        assert start(LocalOptions()) == (local, False)
        admin(local, "clock", {"advance_s": 3600})
    finally:
        assert stop() is True
    assert running() is None
    assert status() is None


def test_without_one_a_command_has_its_own_until_it_ends() -> None:
    with for_command(LocalOptions(runtime="process")) as local:
        assert admin(local, "status")["account"] == local.account
        assert running() is None
    with pytest.raises(AwsRunError, match="does not answer"):
        admin(local, "status")


def test_one_that_can_not_start_says_why() -> None:
    with pytest.raises(AwsRunError, match="did not start"):
        start(LocalOptions(runtime="process", host="203.0.113.1"))


def test_the_disks_of_hosts_go_when_it_stops_and_those_of_a_killed_one_when_it_starts(tmp_path: Path) -> None:
    killed = tmp_path / "hosts" / "of-one-that-was-killed" / "i-1"
    killed.mkdir(parents=True)
    embedded = Embedded(LocalOptions(runtime="process"), tmp_path)
    embedded.start()
    try:
        assert not killed.exists()
        disk = embedded.world.hosts.of("i-2")
        disk.mkdir(parents=True)
    finally:
        embedded.stop()
    assert not disk.exists()
