"""Starts helper processes: forked where that is safe, else as a new Python."""

from __future__ import annotations

import abc
import os
import sys
from typing import Any, BinaryIO, List

from . import worker_main

_START = "import sys; sys.path.insert(0, sys.argv[1]); from aws_run_entrypoint.transfer.worker_main import main; main()"
# Whoever gets these, the helpers are ended by their parent; from a terminal, ^C reaches them as well.
_RESET = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM")


class Worker(abc.ABC):
    """`output`: what it writes. `end` ends it, whatever it is doing."""

    output: BinaryIO
    _input: BinaryIO

    def write(self, text: str) -> None:
        """BrokenPipeError when it is gone."""
        self._input.write(text.encode())
        self._input.flush()

    @abc.abstractmethod
    def end(self) -> None: ...

    def close(self) -> None:
        for stream in (self._input, self.output):
            try:
                stream.close()
            except BrokenPipeError:
                continue  # unsent text for a process that is gone


def start_workers(count: int) -> List[Worker]:
    """All at once, before anybody starts a thread to listen to one."""
    workers: List[Worker] = []
    try:
        for _ in range(count):
            workers.append(ForkedWorker(workers) if can_fork() else SpawnedWorker())
    except BaseException:
        for worker in workers:
            worker.end()
            worker.close()
        raise
    return workers


def can_fork() -> bool:
    """A fork takes one thread with it: locks that others hold stay held forever. macOS's libraries can't be forked."""
    try:
        return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


class SpawnedWorker(Worker):
    def __init__(self) -> None:
        import subprocess

        # The zip or folder that holds this package, three levels up from here.
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self.output = self._process.stdin, self._process.stdout  # type: ignore[assignment]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class ForkedWorker(Worker):
    """Starts in a millisecond, with everything imported and the certificates read."""

    def __init__(self, others: List[Worker]) -> None:
        import signal

        ours, theirs = os.pipe(), os.pipe()  # its input, its output
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._pid = os.fork()
        if not self._pid:
            _run_child(ours, theirs, others)  # does not come back
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        os.close(ours[0])
        os.close(theirs[1])
        self._input, self.output = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")

    def end(self) -> None:
        import signal

        try:
            if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
        except ChildProcessError:
            return  # PID 1 reaps whoever ends


def _run_child(ours: Any, theirs: Any, others: List[Worker]) -> None:
    """Everything that the child does. Nothing of the parent's may run in it: no handler, no clean-up, no buffer."""
    code = 1
    try:
        import signal

        signal.set_wakeup_fd(-1)
        for name in _RESET:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.close(ours[1])
        os.close(theirs[0])
        for other in others:  # an end of theirs that stays open here would hide that they died
            os.close(other._input.fileno())
            os.close(other.output.fileno())
        code = worker_main.serve(os.fdopen(ours[0], encoding="utf-8"), os.fdopen(theirs[1], "w", encoding="utf-8"))
    finally:
        os._exit(code)
