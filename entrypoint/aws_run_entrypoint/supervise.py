"""Runs the command as PID 1: forwards signals, reaps every orphan, keeps the deadline, stops the job in two steps.

Its output goes through `job_output`."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from types import FrameType
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from .contract import EndReason
from .job_output import JobOutput

# A stop: the job gets its grace, then SIGKILL. The others are only passed on.
STOPPING = (signal.SIGTERM, signal.SIGINT)
PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_TICK_S = 1.0
_GONE_WITHIN_S = 1.0


def _why_absent(program: str, path: str) -> str:
    """The kernel says "no such file" of a script whose interpreter is not there, too."""
    where = program if os.path.dirname(program) else shutil.which(program, path=path)
    try:
        with open(where or program, "rb") as file:
            first = file.readline(256)
    except OSError:
        return f"{program!r} is not in this image"
    if not first.startswith(b"#!"):
        return f"{program!r} is there, but what it is loaded by is not (another libc or processor)"
    interpreter = first[2:].strip().decode(errors="replace")
    if first.endswith(b"\r\n"):
        return f"{program!r} has Windows line ends (CRLF), so its first line names an interpreter that is not there"
    return f"{program!r} is there, but its interpreter {interpreter!r} is not in this image"


class StopRequested(Exception):
    """A stop signal, or the deadline, while no command runs yet. `reason` as in the result."""

    def __init__(self, reason: EndReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Outcome:
    """`exit_code`: 128+n for signal n."""

    exit_code: int
    reason: EndReason
    signal: Optional[int] = None
    detail: str = ""
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


class Supervisor:
    """Takes over the process's signals from its making on; one at a time, in the main thread. `grace(reason)`: seconds
    from the stop to SIGKILL, called about once a second. `on_notice(reason)`: called once, by the loop: a signal
    may arrive while the main thread holds a lock, so its handler notes it and no more."""

    def __init__(
        self,
        *,
        deadline: Optional[float],
        grace: Callable[[EndReason], float],
        notice_file: Optional[str],
        on_tick: Callable[[], None] = lambda: None,
        on_notice: Callable[[EndReason], None] = lambda reason: None,
    ) -> None:
        self.deadline = deadline
        self.grace = grace
        self.notice_file = notice_file
        self.on_tick = on_tick
        self.on_notice = on_notice
        self.stop_reason: Optional[EndReason] = None
        self.stopped_at: Optional[float] = None  # of the monotonic clock
        self._notified = False
        self._output: Optional[JobOutput] = None
        self._job: Optional[int] = None
        self._interruptible = False
        self._early: List[int] = []
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old: Dict[signal.Signals, object] = {}
        for number in (*STOPPING, *PASSED_ON, signal.SIGALRM, signal.SIGCHLD):
            self._old[number] = signal.signal(number, self._on_signal)
        # Whoever started us may have had them blocked, which children inherit: nothing would ever stop the job.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, tuple(self._old))
        self._old_wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def close(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._read)
        os.close(self._write)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside, a stop signal or the deadline raises StopRequested at once."""
        self._start_nothing_late()
        if self.deadline is not None:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, self.deadline - time.time()))
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def run(self, argv: Sequence[str], env: Mapping[str, str]) -> Outcome:
        """Until the command and its process group are gone."""
        self._early = []
        self._start_nothing_late()
        output = self._output = JobOutput()
        try:
            # A session of its own: signals reach the whole group, and the terminal's don't arrive twice.
            job = subprocess.Popen(
                list(argv), env=dict(env), start_new_session=True, stdout=output.stdout, stderr=output.stderr
            )
        except FileNotFoundError:
            detail = _why_absent(argv[0], env.get("PATH", os.defpath))
            return Outcome(127, EndReason.COMMAND_NOT_FOUND, detail=detail)
        except OSError as error:
            return Outcome(126, EndReason.COMMAND_NOT_FOUND, detail=f"{argv[0]!r} can't be run: {error.strerror}")
        finally:
            output.started()
        self._job = job.pid
        _kill_this_one_first(job.pid)
        for number in self._early:  # what came while it was being started
            self._signal_group(number)
        status: Optional[int] = None
        usage = None
        last_tick = 0.0
        while status is None:
            self._wait(_TICK_S)
            for pid, state, used in _reap():
                if pid == job.pid:
                    status, usage = state, used
            now = time.monotonic()
            if now - last_tick >= _TICK_S:
                last_tick = now
                self._check(now)
                self.on_tick()
            self._notify()
        job.returncode = 0  # reaped here, so that Popen does not look for it
        _end(-job.pid)
        if os.getpid() == 1:
            _end(-1)  # a daemon has left the command's session; nobody else lives in this container
        output.close()
        self._job = None
        cpu = usage.ru_utime + usage.ru_stime if usage else 0.0
        rss = usage.ru_maxrss * 1024 if usage else 0
        return self._outcome(status, cpu, rss)

    def _start_nothing_late(self) -> None:
        if self.stop_reason is None and self.deadline is not None and time.time() >= self.deadline:
            self.stop_reason = EndReason.DEADLINE
        if self.stop_reason is not None:
            raise StopRequested(self.stop_reason)

    def _outcome(self, status: int, cpu: float, rss: int) -> Outcome:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = 128 + number if number is not None else os.WEXITSTATUS(status)
        if self.stop_reason is EndReason.DEADLINE:
            return Outcome(124, EndReason.DEADLINE, number, "the time limit was reached", cpu, rss)
        if self.stop_reason is not None:
            return Outcome(code, self.stop_reason, number, "", cpu, rss)
        return Outcome(code, EndReason.EXIT if number is None else EndReason.SIGNAL, number, "", cpu, rss)

    def _wait(self, timeout_s: float) -> None:
        select.select([self._read], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 512):
                pass

    def _check(self, now: float) -> None:
        if self.stop_reason is None and self.deadline is not None and time.time() >= self.deadline:
            self.stop(EndReason.DEADLINE, signal.SIGTERM)
        if self.stop_reason is None and self.notice_file and _has_content(self.notice_file):
            self.stop(EndReason.SPOT_NOTICE, signal.SIGTERM)
        if self.stop_reason is None or self.stopped_at is None:
            return
        # Computed anew each time: what the job writes in its grace has to be saved as well.
        if now >= self.stopped_at + self.grace(self.stop_reason):
            self._signal_group(signal.SIGKILL)

    def add_to_log(self, line: bytes) -> None:
        """A line of ours among those of the command, which runs."""
        if self._output is not None:
            self._output.add(line)

    def stop(self, reason: EndReason, number: int) -> None:
        """First step: the signal; the second comes when the grace is over."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self.stopped_at = time.monotonic()
        self._signal_group(number)

    def _notify(self) -> None:
        if self.stop_reason is not None and not self._notified:
            self._notified = True
            self.on_notice(self.stop_reason)

    def _on_signal(self, number: int, frame: Optional[FrameType]) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGALRM:
            if self._interruptible:
                self.stop_reason = EndReason.DEADLINE
                raise StopRequested(EndReason.DEADLINE)
            return
        if number in PASSED_ON:
            self._signal_group(number)
            return
        self.stop(EndReason.STOPPED, number)
        if self._interruptible:
            raise StopRequested(EndReason.STOPPED)

    def _signal_group(self, number: int) -> None:
        if self._job is None:
            self._early.append(number)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._job, number)


class _Usage:  # what os.wait4 gives; named for the reader
    ru_utime: float
    ru_stime: float
    ru_maxrss: int


def _reap() -> List["tuple[int, int, _Usage]"]:
    """Every child that is over, orphans of the job among them, which are ours when we are PID 1."""
    over: List["tuple[int, int, _Usage]"] = []
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return over
        if pid == 0:
            return over
        over.append((pid, status, usage))  # type: ignore[arg-type]


def _end(whom: int) -> None:
    """Kills `whom` (a pid as in kill(2)), for what the command left running must not write to the outputs any more.
    Waits a moment until they are gone, but not for a process that hangs in the kernel."""
    until = time.monotonic() + _GONE_WITHIN_S
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < until:
            os.kill(whom, signal.SIGKILL)  # ProcessLookupError when nobody is left
            _reap()
            time.sleep(0.005)


def _kill_this_one_first(pid: int) -> None:
    """When memory runs out the kernel chooses the job and not PID 1, which reports it. Children inherit the score."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")


def _has_content(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False
