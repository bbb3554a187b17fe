"""The moving display is drawn by one thread at a time: two leave lines that nobody erases."""

from __future__ import annotations

import io
import threading

from tests.unit.fakes import FakeClock

from aws_run.events import LaneStarted, Notice
from aws_run.report.console import ConsoleReporter
from aws_run.report.ticker import Ticker


class WatchedStream(io.StringIO):
    """Notes who writes without the reporter's lock. `drawn` is set by a write of a thread that is not the test's."""

    def __init__(self) -> None:
        super().__init__()
        self.reporter: ConsoleReporter | None = None
        self.without_lock: list[str] = []
        self.drawn = threading.Event()

    def write(self, text: str) -> int:
        name = threading.current_thread().name
        if self.reporter is not None and not self.reporter._lock._is_owned():  # type: ignore[attr-defined]
            self.without_lock.append(name)
        if name != threading.main_thread().name:
            self.drawn.set()
        return super().write(text)


def test_whoever_draws_holds_the_reporter_s_lock() -> None:
    stream = WatchedStream()
    reporter = stream.reporter = ConsoleReporter(stream, clock=FakeClock(), force_terminal=True, width=80, environ={})
    with reporter:
        reporter.emit(LaneStarted(lane="image", text="building"))
        assert stream.drawn.wait(60)
        assert "_RefreshThread" not in [type(thread).__name__ for thread in threading.enumerate()]  # rich's own
        for number in range(20):
            reporter.emit(Notice(text=f"line {number}"))
    assert stream.without_lock == []
    threads = [thread.name for thread in threading.enumerate()]
    assert "ticker" not in threads


def test_a_ticker_calls_until_it_is_stopped_and_can_start_again() -> None:
    called = threading.Event()
    ticker = Ticker(called.set, every_s=0.001)
    for _ in range(2):
        called.clear()
        ticker.start()
        ticker.start()
        assert called.wait(60)
        ticker.stop()
        ticker.join()
    called.clear()
    assert not called.wait(0.05)
