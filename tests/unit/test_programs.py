"""A program that a build runs ends with the build: it, and whatever it has started."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from tests.waiting import until

from aws_run.errors import InterruptedRunError
from aws_run.programs import run_program

# Starts a child that ignores SIGTERM, says both ids, and waits for ever, as a `docker build` with its plugin does.
STUBBORN = """
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def run(code: str, stop: threading.Event, on_line: object = None) -> int:
    take = on_line if callable(on_line) else lambda line: None
    return run_program([sys.executable, "-c", code], on_line=take, stop=stop, env=os.environ)


def gone(pid: int) -> bool:
    """Or a zombie that waits for its parent's parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_its_lines_are_heard_and_its_exit_code_is_its_own() -> None:
    lines: list[str] = []
    assert run("import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)", threading.Event(), lines.append) == 3
    assert sorted(lines) == ["a", "b"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table of Linux")
def test_a_stop_ends_it_and_its_children_whatever_they_make_of_a_polite_signal() -> None:
    stop, pids = threading.Event(), list[int]()

    def on_line(line: str) -> None:
        pids.extend(map(int, line.split()))
        stop.set()

    with pytest.raises(InterruptedRunError, match="was stopped"):
        run(STUBBORN, stop, on_line)
    assert len(pids) == 2
    until(lambda: all(gone(pid) for pid in pids))


def test_a_stop_that_came_before_it_began_ends_it_too() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRunError):
        run("import time; time.sleep(600)", stop)


def test_a_listener_that_fails_ends_it() -> None:
    def on_line(line: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("import time; print('x', flush=True); time.sleep(600)", threading.Event(), on_line)
