"""Ctrl-C while things are being removed: the first is answered, the removing goes on, the last one leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from aws_run.events import Emit, Notice, unfailing

T = TypeVar("T")
_WAKES_EVERY_S = 0.2
_GOING_ON = "removing what the run used"


def run_uninterrupted(
    emit: Emit, work: Callable[[], T], *, max_interrupts: int = 2, on_interrupt: Callable[[], str | None] = lambda: None
) -> T:
    """What `work` returns or raises. It runs in a thread of its own, so no interrupt lands in the middle of it.

    KeyboardInterrupt at the last of `max_interrupts` Ctrl-C; the ones before are answered with what is going on.
    `on_interrupt` may end a part of the work that nobody has to wait for, and says what that was. `work` is then still
    at it: whoever leaves has to end the process, and whoever only returns waits for it.
    """
    emit = unfailing(emit)
    done: Future[T] = Future()
    begun = threading.Lock()

    def run() -> None:
        if not begun.acquire(blocking=False):
            return
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            done.set_exception(error)

    while True:
        try:
            # Ctrl-C may come while the thread is being started: whether it was shows only in what it does.
            while not begun.locked():
                threading.Thread(target=run, name="ending", daemon=False).start()
            while not done.done():
                # A signal may be handed to another thread; this one hears of it when it wakes.
                wait((done,), timeout=_WAKES_EVERY_S)
            return done.result()
        except KeyboardInterrupt:
            max_interrupts -= 1
            if max_interrupts <= 0:
                raise
            text = f"{on_interrupt() or _GOING_ON}; press Ctrl-C again to leave at once"
            emit(Notice(text=text, level="warning"))
