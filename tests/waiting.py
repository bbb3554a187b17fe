"""How long tests wait for what must happen: until it happens, however busy the machine is; only a hang reaches the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 180.0
_PAUSE_S = 0.01


def until(check: Callable[[], Any], *, within_s: float = PATIENCE_S, pause_s: float = _PAUSE_S) -> Any:
    """What `check` returns as soon as that is true."""
    deadline = time.monotonic() + within_s
    while not (value := check()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(pause_s)
    return value
