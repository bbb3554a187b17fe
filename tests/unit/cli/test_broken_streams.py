"""What a tester broke around the terminal: a reader that goes away, and Ctrl-C while Python waits for our threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.waiting import PATIENCE_S

from aws_run.events import Notice
from aws_run.report import make_reporter


@pytest.mark.parametrize("kind", ["plain", "json"])
def test_a_reader_that_goes_away_ends_no_run(kind: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        reporter = make_reporter(kind, stream=stream)  # type: ignore[arg-type]
        for _ in range(3):
            reporter.emit(Notice(text="nobody reads this"))


def test_a_full_disk_under_the_log_ends_no_run() -> None:
    with Path("/dev/full").open("w") as stream:
        make_reporter("plain", stream=stream).emit(Notice(text="does not fit"))


def test_a_stderr_that_is_closed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    make_reporter("auto").emit(Notice(text="nobody reads this"))


_COMMAND = """
import signal, sys, threading, time
from aws_run.cli import main
def busy():
    while signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, main._interrupt):
        time.sleep(0.001)
    print("waiting", flush=True)
    time.sleep(60)
def run(arguments, debug):
    threading.Thread(target=busy).start()
    return 7
main._run = run
sys.argv = ["aws-run", "ps"]
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_threads_finish_leaves_without_a_traceback(number: signal.Signals) -> None:
    child = subprocess.Popen([sys.executable, "-c", _COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(number)
    _, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert b"Traceback" not in said
