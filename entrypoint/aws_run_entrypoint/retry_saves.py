"""Repeats failed saves: a minute without S3 must not cost the work of ten hours."""

from __future__ import annotations

import time
from typing import Callable, List, NamedTuple, Sequence, Tuple

from .errors import describe, is_transient

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
    """Makes each save at least once, in order, and repeats those whose failure is transient. Returns what could not be
    saved, and why; a failing save never keeps the others from being made. `until` is of the clock `now` and called each
    time, for a stop may shorten it."""
    lost: List[Tuple[Save, Exception]] = []
    waiting = list(saves)
    wait_s = _FIRST_WAIT_S
    announced_end = ""
    while True:
        failed: List[Tuple[Save, Exception]] = []
        for save in waiting:
            try:
                save.act()
            except Exception as error:  # noqa: BLE001 - the caller gets it
                (failed if is_transient(error) else lost).append((save, error))
        if not failed:
            if announced_end:
                say("S3 can be reached again")
            return lost
        left_s = until() - now()
        if left_s <= 0:
            return lost + failed
        end = time.strftime("%H:%M UTC", time.gmtime(wall() + left_s))
        if end != announced_end:
            announced_end = end
            names = " and ".join(save.what for save, _ in failed)
            say(f"S3 can't be reached to save {names} ({describe(failed[0][1])}); trying again until {end}")
        sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        waiting = [save for save, _ in failed]
