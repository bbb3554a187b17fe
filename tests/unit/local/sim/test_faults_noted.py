"""A fault of the embedded AWS itself is one line of its status, once, and a traceback in its log; neither grows for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aws_run.local.http.protocol import Call, Reply
from aws_run.local.http.server import App
from aws_run.local.options import LocalOptions
from aws_run.local.sim import state as sim_state
from aws_run.local.sim.state import AccountState
from aws_run.local.state import LOG


@pytest.fixture
def world(tmp_path: Path) -> AccountState:
    return AccountState(LocalOptions(), tmp_path)


def broken(world: AccountState, call: Call) -> Any:
    raise KeyError("a mistake of ours")


def no_wire() -> Reply:
    raise AssertionError("it is answered here")


def test_a_call_that_breaks_is_listed_once_and_its_traceback_is_in_the_log(world: AccountState, tmp_path: Path) -> None:
    call = Call(
        service="ecs", operation="RunTask", region="us-east-1", access_key="", environ={"REQUEST_METHOD": "POST"},
        body=b"", proceed=no_wire,
    )  # fmt: skip
    app = App(world, {("ecs", "RunTask"): broken}, lambda *_: no_wire(), lambda *_: [])
    assert app.dispatch(call).status == 500
    assert world.errors == ["KeyError: 'a mistake of ours'"]
    log = (tmp_path / LOG).read_text()
    assert log.count("Traceback") == 1
    assert "ecs:RunTask\n" in log
    assert "in broken" in log


def test_many_faults_fill_neither_the_memory_nor_the_disk(
    world: AccountState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim_state, "_MOST_LOG_BYTES", 1000)
    for number in range(300):
        world.note(ValueError(f"fault {number}"))
    assert (len(world.errors), world.errors[-1]) == (100, "ValueError: fault 299")
    assert (tmp_path / LOG).stat().st_size < 1100


def test_a_fault_is_listed_where_the_log_can_not_be_written(tmp_path: Path) -> None:
    world = AccountState(LocalOptions(), tmp_path / "gone")
    world.note(ValueError("odd"))
    assert world.errors == ["ValueError: odd"]
