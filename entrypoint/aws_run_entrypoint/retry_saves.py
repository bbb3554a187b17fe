"""Saving until it is saved: a minute without S3 must not cost the work of ten hours."""

from __future__ import annotations

import time
from typing import Callable, List, NamedTuple, Sequence, Tuple

from .errors import may_pass, told

# Beside the engine's own retries, which give up after some 20 s.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 10.0


class Save(NamedTuple):
    """`what`: "the outputs". `act` raises when it was not saved."""

    what: str
    act: Callable[[], None]


def save_all(
    saves: Sequence[Save],
    *,
    until: Callable[[], float],
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    wall: Callable[[], float] = time.time,
) -> List[Tuple[Save, Exception]]:
    """Each once at least, in turn, and again while what failed may pass; what could not be saved, and why. None costs
    another anything. `until` is of the clock `now` and asked anew each time: a stop may come meanwhile."""
    lost: List[Tuple[Save, Exception]] = []
    waiting = list(saves)
    wait_s = _FIRST_WAIT_S
    announced_end = ""
    while True:
        again: List[Tuple[Save, Exception]] = []
        for save in waiting:
            try:
                save.act()
            except Exception as error:  # noqa: BLE001 - told to the caller, with its type
                (again if may_pass(error) else lost).append((save, error))
        if not again:
            if announced_end:
                say("S3 can be reached again")
            return lost
        left_s = until() - now()
        if left_s <= 0:
            return lost + again
        end = time.strftime("%H:%M UTC", time.gmtime(wall() + left_s))
        if end != announced_end:
            announced_end = end
            names = " and ".join(save.what for save, _ in again)
            say(f"S3 can't be reached to save {names} ({told(again[0][1])}); trying again until {end}")
        sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        waiting = [save for save, _ in again]
