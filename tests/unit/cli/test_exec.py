"""`aws-run exec`: the program that takes up a session, and Ctrl-C while it does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.unit.lifecycle.memory_run import MemoryRun

from aws_run.cli.commands.exec import PLUGIN, _installed, _interrupts_left_to_the_session
from aws_run.errors import AwsRunError
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases.exec_session import exec_session

ENDED = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="finished")


def test_a_machine_without_the_plugin_is_told_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AwsRunError) as raised:
        _installed()
    assert (PLUGIN in raised.value.message, "docs.aws.amazon.com" in str(raised.value.hint)) == (True, True)
    program = tmp_path / PLUGIN
    program.touch(mode=0o755)
    assert _installed() == (str(program),)


def test_ctrl_c_is_the_sessions_while_it_lasts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with _interrupts_left_to_the_session():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_that_runs_gets_a_shell_or_the_command_and_one_that_has_ended_neither() -> None:
    run = MemoryRun(moves=False)
    with pytest.raises(AwsRunError, match="has no task yet"):
        exec_session(run.context, None, "demo", ())
    handle = run.start_task()
    assert exec_session(run.context, None, "demo", ()).arguments == (handle.id, "/bin/sh")
    assert exec_session(run.context, None, "demo", ("ls", "-l")).arguments == (handle.id, "ls", "-l")
    run.run_task_to_its_end()
    run.writer.change(lambda record: record.with_outcome(ENDED), now=True)
    with pytest.raises(AwsRunError, match="has ended"):
        exec_session(run.context, None, "demo", ())
