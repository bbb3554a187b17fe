"""Ctrl-C on a real terminal and off it (aws-facts §12, row 2): the process and its signals are real, AWS is simulated."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.account import AWS_RUN, Account, Happened, account, make_project
from tests.waiting import PATIENCE_S

from aws_run.local.http.protocol import Call, Reply

CTRL_C = b"\x03"


class Terminal:
    """`aws-run` with a terminal of its own; `text` is all it has shown."""

    def __init__(self, aws: Account, *arguments: object) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execve(AWS_RUN[0], [*AWS_RUN, *map(str, arguments)], {**aws.environment(), "TERM": "xterm"})
        self.text = ""

    def until(self, check: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not check():
            assert time.monotonic() < deadline, self.text[-2000:]
            self._read(0.05)

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code."""
        deadline = time.monotonic() + timeout_s
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self._read(0.05)
            if done:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, self.text[-2000:]

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)

    def _read(self, for_s: float) -> None:
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            if select.select([self._fd], [], [], for_s)[0]:
                self.text += os.read(self._fd, 65536).decode(errors="replace")


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Account]:
    make_project(tmp_path)
    with account(tmp_path) as made:
        yield made


def hanging(tmp_path: Path, *flags: str) -> list[object]:
    data, out = tmp_path / "data", tmp_path / "out"
    return ["submit", tmp_path / "tiny", "-i", data, "-o", out, "--backend", "fargate", *flags, "--", "--hang"]


@pytest.fixture
def terminal(aws: Account, tmp_path: Path) -> Iterator[Terminal]:
    """A submit on a terminal whose job is at work."""
    shown = Terminal(aws, *hanging(tmp_path))
    try:
        shown.until(aws.running)
        shown.until(lambda: "copied" in shown.text)
        yield shown
    finally:
        shown.close()


def test_on_a_terminal_ctrl_c_asks_and_c_cancels_with_outputs_saved_and_nothing_left(
    aws: Account, terminal: Terminal, tmp_path: Path
) -> None:
    terminal.press(CTRL_C)
    terminal.until(lambda: "[c]ancel" in terminal.text and "[d]etach" in terminal.text)
    assert aws.running(), "asking stops nothing"
    terminal.press(b"c\n")
    assert terminal.wait() == 130
    assert (tmp_path / "out" / "a.txt").read_text() == "HELLO\n"
    assert aws.still_bills() == []
    assert aws.left() == {}


def test_on_a_terminal_d_detaches_and_the_job_goes_on(aws: Account, terminal: Terminal) -> None:
    terminal.press(CTRL_C)
    terminal.until(lambda: "[d]etach" in terminal.text)
    terminal.press(b"d\n")
    assert terminal.wait() == 0
    assert "aws-run status" in terminal.text
    assert aws.running()


def test_ctrl_c_asks_with_local_too_where_the_embedded_aws_stays(aws: Account, tmp_path: Path) -> None:
    shown = Terminal(aws, *hanging(tmp_path, "--local"))
    try:
        shown.until(lambda: "copied" in shown.text)
        shown.press(CTRL_C)
        shown.until(lambda: "[d]etach" in shown.text)
        shown.press(b"d\n")
        assert shown.wait() == 0
    finally:
        shown.close()
    assert aws.running()


def test_the_second_ctrl_c_leaves_at_once_and_says_what_follows_the_run_and_what_ends_it(
    aws: Account, terminal: Terminal
) -> None:
    terminal.press(CTRL_C)
    terminal.until(lambda: "[c]ancel" in terminal.text)
    terminal.press(CTRL_C)
    assert terminal.wait() == 130
    for word in ("attach", "cancel"):
        assert f"`aws-run {word} {aws.run_id()}`" in terminal.text
    assert aws.running()
    assert aws.run("cleanup", aws.run_id()).code == 0
    assert aws.left() == {}


def test_a_second_ctrl_c_while_it_removes_leaves_at_once_too(aws: Account, terminal: Terminal) -> None:
    terminal.press(CTRL_C)
    terminal.until(lambda: "[c]ancel" in terminal.text)
    left = threading.Event()

    def slow(seen: Happened, call: Call) -> Reply | None:
        """AWS takes its time over the first step of the stop."""
        if seen.operation == "StopTask":
            left.wait(2 * PATIENCE_S)
        return None

    aws.script.on_call.append(slow)
    terminal.press(b"c\n")
    terminal.until(lambda: "ecs:StopTask" in aws.script.operations())
    terminal.press(CTRL_C)
    try:
        assert terminal.wait() == 130
    finally:
        left.set()
    assert "aws-run cleanup" in terminal.text


def start(aws: Account, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*AWS_RUN, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=aws.environment(),
    )  # fmt: skip


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_where_nobody_can_be_asked_the_first_signal_cancels(aws: Account, tmp_path: Path, sent: signal.Signals) -> None:
    child = start(aws, *hanging(tmp_path))
    aws.until(lambda: "copied" in aws.log())
    child.send_signal(sent)
    _, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130, said
    assert "stopping the job" in said
    assert (tmp_path / "out" / "a.txt").read_text() == "HELLO\n"
    assert aws.left() == {}


@pytest.mark.parametrize("at", ["ecs:CreateCluster", "autoscaling:UpdateAutoScalingGroup"])
def test_interrupted_before_the_job_ran_everything_that_had_been_made_goes(
    aws: Account, tmp_path: Path, at: str
) -> None:
    child: list[subprocess.Popen[str]] = []

    def interrupt(seen: object, call: object) -> None:
        name = f"{seen.service}:{seen.operation}"  # type: ignore[attr-defined]
        if name == at and not sent:
            sent.append(name)
            child[0].send_signal(signal.SIGINT)

    sent: list[str] = []
    aws.script.on_call.append(interrupt)
    arguments = hanging(tmp_path)
    arguments[arguments.index("fargate")] = "ec2"
    child.append(start(aws, *arguments))
    _, said = child[0].communicate(timeout=PATIENCE_S)
    assert sent == [at]
    assert child[0].returncode == 130, said
    assert "everything that had been made for it is gone" in said
    assert aws.still_bills() == []
    assert aws.left() == {}


# An installer that never ends, as one does whose index has stopped answering; it says who it and its helper are.
# The Python of a job is looked for as the run is planned, and the packages are installed when it is built.
STUCK_UV = """#!/bin/sh
[ "$1 {stuck_at}" = "python build" ] && exit 1
sleep 600 &
echo "$$ $!" >"$AWS_RUN_TEST_PIDS.part"
mv "$AWS_RUN_TEST_PIDS.part" "$AWS_RUN_TEST_PIDS"
wait
"""


@pytest.mark.parametrize("stuck_at", ["build", "plan"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_build_ends_the_builds_own_programs(
    aws: Account, tmp_path: Path, sent: signal.Signals, stuck_at: str
) -> None:
    tools, pids = tmp_path / "tools", tmp_path / "pids"
    tools.mkdir()
    (tools / "uv").write_text(STUCK_UV.format(stuck_at=stuck_at))
    (tools / "uv").chmod(0o755)
    environment = aws.environment(PATH=os.pathsep.join([str(tools), os.environ["PATH"]]), AWS_RUN_TEST_PIDS=str(pids))
    client = subprocess.Popen(
        [*AWS_RUN, *map(str, hanging(tmp_path))], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        aws.until(pids.exists, 60)
        programs = [os.pidfd_open(int(pid)) for pid in pids.read_text().split()]
        client.send_signal(sent)
        _said, complained = client.communicate(timeout=PATIENCE_S)
    finally:
        client.kill()
    assert client.returncode == 130
    assert ("image    | failed: stopped" in complained) is (stuck_at == "build")
    for program in programs:
        assert select.select([program], [], [], PATIENCE_S)[0], "it goes on without its client"
        os.close(program)
    assert aws.left() == {}
