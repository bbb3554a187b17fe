"""Helper processes for big files.

Python moves some hundreds of MB a second through TLS on one core, whatever the number of threads: the lock is held
between records. So pieces are dealt out to one process a core.

worker_spawn.py starts them; worker_main.py is what they run, and describes the messages.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from .errors import EngineError
from .loop import Bucket
from .parts import Moved, Piece
from .values import MIB, OnEvent, Retried
from .worker_main import unpacked
from .worker_spawn import Worker, start_workers

# Below this a helper's start (50 ms) costs more than it brings.
WORTH_BYTES = 256 * MIB
_MOST = 4
# Pieces that a helper has at once: those that it moves, and those that follow while the parent reads its messages.
_AHEAD = 10
OnMoved = Callable[[Moved], None]


def helpers_for(big_bytes: int, allowed: Optional[int] = None) -> int:
    """0 or 1: this process does it alone. `allowed` bounds it from outside: beside a running job, 1."""
    if big_bytes < WORTH_BYTES:
        return 0
    most = min(_MOST, _cores()) if allowed is None else allowed
    return most if most > 1 else 0


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """Collects pieces with what to do when each has moved; `run` moves them all."""

    def __init__(self, bucket: Bucket, helpers: int, on_event: OnEvent) -> None:
        self.bucket = bucket
        self.helpers = helpers
        self.retries = 0
        self._emit = on_event
        self._waiting: List[Tuple[Piece, OnMoved]] = []
        self._tickets = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, piece: Piece, on_moved: OnMoved) -> None:
        self._tickets += 1
        self._waiting.append((piece._replace(ticket=self._tickets), on_moved))

    def run(self) -> None:
        """`on_moved` is called here, in the caller's thread. The first failure ends all helpers and is raised."""
        waiting, self._waiting = deque(self._waiting), []
        calls: Dict[int, OnMoved] = {}
        messages: "queue.Queue[Tuple[_Helper, Optional[Dict[str, Any]]]]" = queue.Queue()
        helpers = [_Helper(worker, messages) for worker in start_workers(min(self.helpers, len(waiting)))]
        try:
            for helper in helpers:
                helper.begin(self.bucket)
            for _ in range(_AHEAD):  # dealt round, so that few pieces are spread over all
                for helper in helpers:
                    self._deal(waiting, calls, helper)
            left = len(helpers)
            while left:
                helper, what = messages.get()
                if what is None:
                    raise EngineError("a helper process died")
                if "moved" in what:
                    moved = Moved(*what["moved"])
                    self._deal(waiting, calls, helper)
                    calls.pop(moved.ticket)(moved)
                elif "retried" in what:
                    self._emit(Retried(*what["retried"]))
                elif "credentials" in what:
                    self.bucket.credentials.invalidate()
                    helper.write(json.dumps({"credentials": list(self.bucket.credentials.get())}) + "\n")
                elif "failed" in what:
                    raise unpacked(what["failed"])
                else:
                    self.retries += what["over"]
                    left -= 1
        finally:
            for helper in helpers:
                helper.end()

    def _deal(self, waiting: "Deque[Tuple[Piece, OnMoved]]", calls: Dict[int, OnMoved], helper: _Helper) -> None:
        """Piece by piece, for cores are not equally free."""
        if waiting:
            piece, on_moved = waiting.popleft()
            calls[piece.ticket] = on_moved
            helper.write(json.dumps(list(piece)) + "\n")
        elif not helper.ended:
            helper.ended = True
            helper.write("\n")


class _Helper:
    """`ended`: it knows that there are no more pieces."""

    def __init__(self, worker: Worker, messages: "queue.Queue[Tuple[_Helper, Optional[Dict[str, Any]]]]") -> None:
        self.ended = False
        self._worker = worker
        self._messages = messages
        self._thread = threading.Thread(target=self._read, name="aws-run-helper", daemon=True)
        self._thread.start()

    def begin(self, bucket: Bucket) -> None:
        fields = {name: getattr(bucket, name) for name in ("name", "region", "endpoint_url", "owner")}
        self.write(json.dumps({"bucket": fields, "credentials": list(bucket.credentials.get())}) + "\n")

    def write(self, text: str) -> None:
        try:
            self._worker.write(text)
        except BrokenPipeError as error:
            raise EngineError("a helper process died") from error

    def end(self) -> None:
        self._worker.end()
        self._thread.join()
        self._worker.close()

    def _read(self) -> None:
        over = False
        for line in self._worker.output:
            what = json.loads(line)
            over = over or "over" in what or "failed" in what
            self._messages.put((self, what))
        if not over:
            self._messages.put((self, None))
