"""The helper process: reads its bucket and pieces, writes what has moved. One JSON text a line.

in:  {"bucket": {…}, "credentials": […]}, then a line a piece as the parent deals them out, at the end an empty line;
     {"credentials": […]} answers the question for them
out: {"moved": […]} · {"retried": […]} · {"credentials": null} asks for fresh ones · {"failed": {…}} · {"over": retries}
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Callable, Dict, NoReturn, Optional, TextIO

from . import errors
from .errors import EngineError, S3Error
from .loop import Bucket, Loop, Task
from .parts import FileChangedError, Moved, Piece, move
from .values import Credentials, CredentialSource, EngineEvent, Retried

_AHEAD_S = 60.0
# Two fill a core where the wire is quick; more are opened while this process has time to spare.
_FIRST, _MOST = 2, 8
_IDLE = 0.6
Say = Callable[[Dict[str, Any]], None]


class _Inbox:
    """The parent's messages, read by a thread of their own, for pipes can't be polled everywhere."""

    def __init__(self, heard: TextIO) -> None:
        self._heard = heard
        self._pieces: "SimpleQueue[Optional[Piece]]" = SimpleQueue()
        self._credentials: "SimpleQueue[Optional[Credentials]]" = SimpleQueue()
        self._over = False
        threading.Thread(target=self._read, name="aws-run-inbox", daemon=True).start()

    def _read(self) -> None:
        for line in self._heard:
            if not line.strip():
                break
            what = json.loads(line)
            if isinstance(what, dict):
                self._credentials.put(Credentials(*what["credentials"]))
            else:
                self._pieces.put(Piece(*what))
        self._pieces.put(None)
        for line in self._heard:
            self._credentials.put(Credentials(*json.loads(line)["credentials"]))
        self._credentials.put(None)

    def piece(self, *, wait: bool) -> Optional[Piece]:
        """None: none now, or, having waited, none any more."""
        if self._over:
            return None
        try:
            piece = self._pieces.get(wait)
        except Empty:
            return None
        self._over = piece is None
        return piece

    def credentials(self) -> Credentials:
        """Waits. EngineError when the parent is gone."""
        held = self._credentials.get()
        if held is None:
            raise EngineError("there are no new credentials")
        return held


class _AskingSource(CredentialSource):
    """The parent's credentials; asks it again when they run out."""

    def __init__(self, held: Credentials, inbox: _Inbox, say: Say) -> None:
        self._held = held
        self._inbox = inbox
        self._say = say

    def get(self) -> Credentials:
        held = self._held
        if held.expires_at is not None and held.expires_at - time.time() < _AHEAD_S:
            self.invalidate()
        return self._held

    def invalidate(self) -> None:
        self._say({"credentials": None})
        self._held = self._inbox.credentials()


class _Dealt:
    """The pieces that are there now, as an iterator that may go on after its end."""

    def __init__(self, inbox: _Inbox, task: Callable[[Piece], Task]) -> None:
        self._inbox = inbox
        self._task = task
        self.first: Optional[Piece] = None

    def __iter__(self) -> "_Dealt":
        return self

    def __next__(self) -> Task:
        piece, self.first = self.first or self._inbox.piece(wait=False), None
        if piece is None:
            raise StopIteration
        return self._task(piece)


def serve(heard: TextIO, output: TextIO) -> int:
    """Moves pieces until the parent has no more. A failure is reported, and the exit code is 1."""

    def say(what: Dict[str, Any]) -> None:
        output.write(json.dumps(what) + "\n")
        output.flush()

    def pass_on(event: EngineEvent) -> None:
        if isinstance(event, Retried):
            say({"retried": list(event)})

    first = json.loads(heard.readline())
    inbox = _Inbox(heard)
    source = _AskingSource(Credentials(*first["credentials"]), inbox, say)
    try:
        try:
            with Loop(Bucket(credentials=source, **first["bucket"]), limit=_FIRST, on_event=pass_on) as loop:
                pace = _Pace(loop)

                def moved(what: Moved) -> None:
                    say({"moved": list(what)})
                    pace.adjust()

                dealt = _Dealt(inbox, lambda piece: move(piece, moved))
                while True:
                    dealt.first = inbox.piece(wait=True)
                    if dealt.first is None:
                        break
                    loop.run(dealt)
                say({"over": loop.retries})
        except (EngineError, OSError) as error:
            say({"failed": packed(error)})
            return 1
    except BrokenPipeError:
        return 1  # the parent is gone
    return 0


class _Pace:
    """Allows more connections as long as most of the time is spent waiting for them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._limit = _FIRST
        self._began, self._waited = time.monotonic(), 0.0

    def adjust(self) -> None:
        now, waited = time.monotonic(), self._loop.waited_s
        if self._limit < _MOST and waited - self._waited > _IDLE * (now - self._began):
            self._limit *= 2
            self._loop.allow(self._limit)
        self._began, self._waited = now, waited


def main() -> NoReturn:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C on a terminal reaches us too; our parent knows what to do
    code = serve(sys.stdin, sys.stdout)
    # Python would try once more to write what a parent that is gone did not take, and tell the terminal.
    os._exit(code)


def packed(error: BaseException) -> Dict[str, Any]:
    """An error as it crosses the pipe."""
    if isinstance(error, S3Error):
        fields = ("status", "code", "message", "method", "key")
        return {"kind": "S3Error", **{name: getattr(error, name) for name in fields}}
    if isinstance(error, OSError):
        return {"kind": "OSError", "errno": error.errno, "text": error.strerror or str(error)}
    return {"kind": type(error).__name__, "text": str(error)}


def unpacked(fields: Dict[str, Any]) -> Exception:
    kind = fields.pop("kind")
    if kind == "S3Error":
        return S3Error(**fields)
    if kind == "OSError":
        return OSError(fields["errno"], fields["text"])
    if kind == "FileChangedError":
        return FileChangedError(fields["text"])
    known = getattr(errors, kind, EngineError)
    # A PathError is made of a path and a reason, which the text no longer tells apart.
    return EngineError(fields["text"]) if issubclass(known, errors.PathError) else known(fields["text"])
