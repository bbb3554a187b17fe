"""stdout and stderr whose reader may go away, or whose disk may fill up, in the middle of a run."""

from __future__ import annotations

import errno
import os
from typing import Any, TextIO


class ResilientStream:
    """A stream that goes on when nobody reads it any more (`| head`, a full disk): a run has to be followed and
    removed all the same, and to end with its own exit code. What can't be written is dropped.

    `used`: something was written. `lost`: what ended it, None while it works.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.used = False
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def unread(self) -> bool:
        """Its reader has gone, which is its right: no error."""
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
        """What is still buffered would fail again when Python exits, and spoil the exit code."""
        self.lost = error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)
