"""stdout and stderr when the reader goes away or the disk fills up in the middle of a run."""

from __future__ import annotations

import errno
import os
from typing import Any, TextIO


class ResilientStream:
    """A stream that survives the loss of its reader (`| head`) or of disk space: the run must still be watched and torn
    down, and end with its own exit code. What can't be written is dropped.

    `used`: something was written. `lost`: the error that ended writing; None while it works.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            # A job prints what it likes; a console with an old code page (cp1252) shows what it lacks as \u2713.
            stream.reconfigure(errors="backslashreplace")
        self.used = False
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def unread(self) -> bool:
        """Whether the reader has closed its end, which is not an error."""
        return self.lost is not None and self.lost.errno in (errno.EPIPE, errno.ESHUTDOWN)

    def write(self, text: str) -> int:
        self.used = self.used or bool(text)
        if self.lost is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        if self.lost is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Drops what is still buffered: it would fail again when Python exits, and change the exit code."""
        self.lost = error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)
