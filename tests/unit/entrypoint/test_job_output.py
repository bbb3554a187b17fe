"""Two streams of a job on their way into one log: a bar's last state stays where the job left it."""

from __future__ import annotations

import os
import time

import pytest

from aws_run_entrypoint.job_output import JobOutput


class Job:
    """A command that writes to both pipes, and the one log that they end in."""

    def __init__(self) -> None:
        self._read, self._log = os.pipe()
        self._output = JobOutput(self._log, self._log)
        self._stdout, self._stderr = os.dup(self._output.stdout), os.dup(self._output.stderr)
        self._output.started()

    def prints(self, text: str) -> None:
        os.write(self._stdout, text.encode())

    def draws(self, text: str) -> None:
        os.write(self._stderr, text.encode())

    def ends(self) -> list[str]:
        """What the log says."""
        os.close(self._stdout)
        os.close(self._stderr)
        self._output.close()
        os.close(self._log)
        with os.fdopen(self._read, encoding="utf-8") as log:
            return log.read().splitlines()


@pytest.mark.parametrize("pause_s", [0.0, 0.02])
def test_what_is_printed_after_a_bar_comes_after_it(pause_s: float) -> None:
    for _ in range(20):
        job = Job()
        job.draws("\r 1/2 |#  |")
        time.sleep(0.01)
        job.draws("\r 2/2 |###|")
        job.draws("\n")
        time.sleep(pause_s)
        job.prints("2 files\n")
        assert job.ends() == [" 2/2 |###|", "2 files"]


def test_what_is_printed_while_a_bar_moves_comes_before_its_last_state() -> None:
    job = Job()
    job.draws("\r 1/2 |#  |")
    time.sleep(0.02)
    job.prints("half of it\n")
    time.sleep(0.02)
    job.draws("\r 2/2 |###|\n")
    assert job.ends() == ["half of it", " 2/2 |###|"]


def test_two_bars_that_are_drawn_in_turn_stay_bars_while_something_is_printed() -> None:
    job = Job()
    job.draws("\router 1\n\rinner 1\x1b[A")
    time.sleep(0.02)
    job.draws("\router 2\n\rinner 2")
    job.prints("a line\n")
    time.sleep(0.02)
    job.draws("\x1b[A\router 3\n\rinner 3\n")
    assert job.ends() == ["a line", "outer 3", "inner 3"]
