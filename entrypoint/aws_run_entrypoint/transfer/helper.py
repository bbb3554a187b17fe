"""The helper process: gets its bucket and its pieces on stdin, says on stdout what has moved. One JSON text a line.

in:  {"bucket": {…}, "credentials": […]}, then one line a piece, then an empty line; later answers to "credentials"
out: {"moved": […]} · {"retried": […]} · {"credentials": null} asks for fresh ones · {"failed": {…}} · {"over": retries}
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Dict, List

from . import errors
from .errors import EngineError, S3Error
from .loop import Bucket, Loop
from .pieces import FileChangedError, Moved, Piece, move
from .values import Credentials, CredentialSource, EngineEvent, Retried

_AHEAD_S = 60.0
_LIMIT = 8


class AskingSource(CredentialSource):
    """The parent's credentials; asks it again when they run out."""

    def __init__(self, held: Credentials) -> None:
        self._held = held

    def get(self) -> Credentials:
        held = self._held
        if held.expires_at is not None and held.expires_at - time.time() < _AHEAD_S:
            self.invalidate()
        return self._held

    def invalidate(self) -> None:
        say({"credentials": None})
        self._held = Credentials(*json.loads(sys.stdin.readline()))


def say(what: Dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> int:
    first = json.loads(sys.stdin.readline())
    said = first["bucket"]
    bucket = Bucket(credentials=AskingSource(Credentials(*first["credentials"])), **said)
    pieces: List[Piece] = []
    while True:
        line = sys.stdin.readline().strip()
        if not line:
            break
        pieces.append(Piece(*json.loads(line)))
    try:
        with Loop(bucket, limit=_LIMIT, on_event=_pass_on) as loop:
            loop.run(move(piece, _moved) for piece in pieces)
            say({"over": loop.retries})
    except (EngineError, OSError) as error:
        say({"failed": packed(error)})
        return 1
    return 0


def _moved(moved: Moved) -> None:
    say({"moved": list(moved)})


def _pass_on(event: EngineEvent) -> None:
    if isinstance(event, Retried):
        say({"retried": list(event)})


def packed(error: BaseException) -> Dict[str, Any]:
    """An error as it crosses the pipe."""
    if isinstance(error, S3Error):
        fields = ("status", "code", "message", "method", "key")
        return {"kind": "S3Error", **{name: getattr(error, name) for name in fields}}
    if isinstance(error, OSError):
        return {"kind": "OSError", "errno": error.errno, "text": error.strerror or str(error)}
    return {"kind": type(error).__name__, "text": str(error)}


def unpacked(said: Dict[str, Any]) -> Exception:
    kind = said.pop("kind")
    if kind == "S3Error":
        return S3Error(**said)
    if kind == "OSError":
        return OSError(said["errno"], said["text"])
    if kind == "FileChangedError":
        return FileChangedError(said["text"])
    known = getattr(errors, kind, EngineError)
    return known(said["text"]) if known is not errors.PathError else EngineError(said["text"])
