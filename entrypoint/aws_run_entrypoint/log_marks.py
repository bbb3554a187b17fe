"""Lines of a run's log that are no output of the job: states of what a terminal would redraw, and what the job uses.

A log service keeps whole lines only. A progress bar is one line without an end, so the container writes its states as
lines of their own, marked by the sign for a carriage return. Both sides use this module; every reader of a log folds
such lines (`read_mark`), and none is kept in a run's log.txt.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Optional, Union

_SIGN = "\N{SYMBOL FOR CARRIAGE RETURN}"
_STATE = re.compile(rf"{_SIGN}(\d{{1,2}}) (.*)", re.DOTALL)
_USAGE = f"{_SIGN}usage "
_MOST_USAGE_CHARS = 500
MOST_STATE_BYTES = 2000


@dataclass(frozen=True)
class BarState:
    """The state of one line that the job redraws. `row` counts from 0, down the screen."""

    row: int
    text: str


@dataclass(frozen=True)
class UsageNow:
    """What the job uses at one moment. None: the kernel or the driver does not tell. `cpu_percent`: of one core."""

    cpu_percent: Optional[int] = None
    memory_bytes: Optional[int] = None
    memory_limit_bytes: Optional[int] = None
    gpu_percent: Optional[int] = None
    gpu_memory_mib: Optional[int] = None


def state_line(row: int, text: bytes) -> bytes:
    """With its line end. Text that is too long for a status line loses its end."""
    return f"{_SIGN}{row} ".encode() + text[:MOST_STATE_BYTES] + b"\n"


def usage_line(usage: UsageNow) -> bytes:
    values = {name: value for name, value in vars(usage).items() if value is not None}
    return f"{_USAGE}{json.dumps(values, separators=(',', ':'))}\n".encode()


def read_mark(line: str) -> Union[BarState, UsageNow, None]:
    """None for a line of the job's own. Whoever writes the log may forge a mark, and gains nothing by it."""
    if not line.startswith(_SIGN):
        return None
    state = _STATE.fullmatch(line)
    if state is not None:
        return BarState(int(state[1]), state[2][:MOST_STATE_BYTES])
    if not line.startswith(_USAGE) or len(line) > _MOST_USAGE_CHARS:
        return None
    try:
        values = json.loads(line[len(_USAGE) :])
    except ValueError:
        return None
    return _usage(values) if isinstance(values, dict) else None


def _usage(values: Dict[str, Any]) -> UsageNow:
    known = {
        name: value
        for name, value in values.items()
        if name in UsageNow.__annotations__ and type(value) is int and 0 <= value < 1 << 60
    }
    return UsageNow(**known)
