"""Helper processes for big files.

Python moves some hundreds of MB a second through TLS on one core, whatever the number of threads: the lock is held
between records. So pieces are dealt out to one process a core.

Processes are started by name, not forked: the tool's side has threads, and a fork of those may hang.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from .errors import EngineError
from .helper import unpacked
from .loop import Bucket
from .pieces import Moved, Piece
from .values import MIB, OnEvent, Retried

# Below this a helper's start (50 ms) costs more than it brings.
WORTH_BYTES = 256 * MIB
_MOST = 4
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from aws_run_entrypoint.transfer.helper import main; sys.exit(main())"
)
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
        waiting, self._waiting = self._waiting, []
        calls = {piece.ticket: on_moved for piece, on_moved in waiting}
        count = min(self.helpers, len(waiting))
        said: "queue.Queue[Tuple[_Helper, Optional[Dict[str, Any]]]]" = queue.Queue()
        helpers = [_Helper(said) for _ in range(count)]
        try:
            for number, helper in enumerate(helpers):
                helper.begin(self.bucket, [piece for piece, _ in waiting[number::count]])
            left = count
            while left:
                helper, what = said.get()
                if what is None:
                    raise EngineError("a helper process died")
                if "moved" in what:
                    moved = Moved(*what["moved"])
                    calls.pop(moved.ticket)(moved)
                elif "retried" in what:
                    self._emit(Retried(*what["retried"]))
                elif "credentials" in what:
                    self.bucket.credentials.invalidate()
                    helper.write(json.dumps(list(self.bucket.credentials.get())) + "\n")
                elif "failed" in what:
                    raise unpacked(what["failed"])
                else:
                    self.retries += what["over"]
                    left -= 1
        finally:
            for helper in helpers:
                helper.end()


class _Helper:
    def __init__(self, said: "queue.Queue[Tuple[_Helper, Optional[Dict[str, Any]]]]") -> None:
        # The zip or folder that holds this package, three levels up from here.
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1 << 16,
        )
        self._said = said
        self._thread = threading.Thread(target=self._read, name="aws-run-helper", daemon=True)
        self._thread.start()

    def begin(self, bucket: Bucket, pieces: List[Piece]) -> None:
        fields = {name: getattr(bucket, name) for name in ("name", "region", "endpoint_url", "owner")}
        lines = [json.dumps({"bucket": fields, "credentials": list(bucket.credentials.get())})]
        lines.extend(json.dumps(list(piece)) for piece in pieces)
        self.write("\n".join(lines) + "\n\n")

    def write(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EngineError("a helper process died") from error

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # unsent text for a process that is gone

    def _read(self) -> None:
        over = False
        assert self._process.stdout is not None
        for line in self._process.stdout:
            what = json.loads(line)
            over = over or "over" in what or "failed" in what
            self._said.put((self, what))
        if not over:
            self._said.put((self, None))
