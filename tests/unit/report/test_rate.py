"""How fast a transfer is now, and how long the rest takes."""

from __future__ import annotations

from aws_run.report.rate import Rate

MIB = 1 << 20


def fed(*seen: tuple[float, float]) -> Rate:
    rate = Rate()
    for now_s, done in seen:
        rate.note(now_s, done)
    return rate


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    assert Rate().text(100) == ""
    assert fed((0, 0)).text(100) == ""
    assert fed((0, 0), (0.1, 50)).text(100) == ""
    assert fed((0, 7), (5, 7)).text(100) == ""


def test_speed_and_time_left_are_those_of_the_last_seconds() -> None:
    assert fed((0, 0), (2, 20 * MIB)).text(120 * MIB) == "10.0 MiB/s, 10s left"
    # A minute at a crawl, and then ten seconds at full speed.
    slow = [(float(second), second * MIB / 10) for second in range(61)]
    fast = [(60.0 + second, 6 * MIB + second * 50 * MIB) for second in range(1, 11)]
    assert fed(*slow, *fast).text(1006 * MIB) == "50.0 MiB/s, 10s left"


def test_without_a_total_or_at_the_end_no_time_is_left() -> None:
    assert fed((0, 0), (1, MIB)).text(None) == "1.0 MiB/s"
    assert fed((0, 0), (1, MIB)).text(MIB) == "1.0 MiB/s"


def test_another_transfer_begins_anew() -> None:
    assert fed((0, 0), (1, MIB), (2, 10)).text(MIB) == ""
