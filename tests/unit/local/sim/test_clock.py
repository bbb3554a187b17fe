from __future__ import annotations

from datetime import timedelta

from tests.waiting import PATIENCE_S

from aws_run.local.sim.clock import SimClock


def test_what_is_due_on_the_way_fires_in_order_and_at_its_own_time() -> None:
    clock = SimClock()
    began = clock.now()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, round((clock.now() - began).total_seconds())))

    clock.at(began + timedelta(seconds=200), lambda: note("late"))
    clock.after(100, lambda: note("early"))
    clock.after(5000, lambda: note("never"))
    clock.advance(3600)
    assert seen == [("early", 100), ("late", 200)]
    assert round((clock.now() - began).total_seconds()) == 3600


def test_what_a_callback_sets_up_within_the_span_fires_too() -> None:
    clock = SimClock()
    seen: list[int] = []
    clock.after(10, lambda: clock.after(10, lambda: seen.append(1)))
    clock.advance(19)
    assert seen == []
    clock.advance(2)
    assert seen == [1]


def test_its_own_thread_fires_what_is_due_in_real_time() -> None:
    import threading

    clock = SimClock()
    fired = threading.Event()
    clock.start()
    clock.after(10**9, lambda: None)
    clock.after(0.01, fired.set)
    assert fired.wait(PATIENCE_S)
    clock.stop()
