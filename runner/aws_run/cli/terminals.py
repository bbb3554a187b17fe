"""Whether there is a terminal, and somebody at it. A stream is None where the shell has closed it (`<&-`)."""

from __future__ import annotations

import sys


def is_terminal(stream: object) -> bool:
    return stream is not None and bool(getattr(stream, "isatty", lambda: False)())


def on_a_terminal() -> bool:
    """Whether somebody sees a question, which goes to stderr, and can answer it."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)
