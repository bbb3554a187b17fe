"""What the job prints, on its way to the container's own stdout and stderr: see `redrawn`."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
import time
from typing import Dict, List

from .redrawn import STATES_EVERY_S, RedrawnLines

_CHUNK = 64 * 1024
_QUIET_S = 0.2
_DRAIN_WITHIN_S = 10.0


class JobOutput:
    """Two pipes for one command, read by a thread. `stdout` and `stderr` are to be handed to it, then `started` is
    called, and `close` when it is over."""

    def __init__(self, to_stdout: int = 1, to_stderr: int = 2) -> None:
        self._from: Dict[int, int] = {}  # the pipe's end -> where it goes to
        self._lines: Dict[int, RedrawnLines] = {}
        ends: List[int] = []
        for target in (to_stdout, to_stderr):
            read, write = os.pipe()
            self._from[read] = target
            self._lines[read] = RedrawnLines()
            ends.append(write)
        self.stdout, self.stderr = ends
        self._to_stderr = to_stderr
        self._open = set(self._from)
        self._beside: "queue.SimpleQueue[bytes]" = queue.SimpleQueue()
        self._over = threading.Event()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._run, name="aws-run-output", daemon=True)

    def started(self) -> None:
        """The command has the pipes now; this side lets go of its ends, so that they close with the command."""
        os.close(self.stdout)
        os.close(self.stderr)
        self._thread.start()

    def add(self, line: bytes) -> None:
        """Writes a line of ours to stderr within a second, and never into the middle of one of the job's."""
        self._beside.put(line)

    def close(self) -> None:
        """Returns when everything is written that the command had printed. What it left running may hold the pipes, and
        a reader of the log may be stuck: neither is waited for."""
        self._over.set()
        os.write(self._woken, b"x")
        self._thread.join(_DRAIN_WITHIN_S)

    def _run(self) -> None:
        next_tick = time.monotonic() + STATES_EVERY_S
        while self._open:
            now = time.monotonic()
            wait_s = _QUIET_S if self._over.is_set() else max(0.0, next_tick - now)
            waiting = [*self._open] if self._over.is_set() else [*self._open, self._wake]
            ready, _, _ = select.select(waiting, [], [], wait_s)
            # Of what came at the same time a bar's end is the first: a job tells what it has done after the bar.
            for end in sorted((end for end in ready if end != self._wake), key=lambda end: not self._lines[end].moving):
                self._read(end)
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + STATES_EVERY_S
                for end, lines in self._lines.items():
                    _write(self._from[end], lines.tick(now))
                while not self._beside.empty():
                    _write(self._to_stderr, self._beside.get())
            if self._over.is_set() and not ready:
                break
        for end, lines in self._lines.items():
            _write(self._from[end], lines.end())

    def _read(self, end: int) -> None:
        try:
            data = os.read(end, _CHUNK)
        except OSError:
            data = b""
        if not data:
            self._open.discard(end)
            os.close(end)
            return
        now = time.monotonic()
        out = self._lines[end].feed(data, now)
        for other, lines in self._lines.items():
            if other != end and out:
                _write(self._from[other], lines.elsewhere(now))
        _write(self._from[end], out)


def _write(target: int, data: bytes) -> None:
    """All of it. Where nobody reads any more there is nobody to tell."""
    rest = memoryview(data)
    with contextlib.suppress(OSError):
        while rest:
            rest = rest[os.write(target, rest) :]
