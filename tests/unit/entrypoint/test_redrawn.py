"""What a terminal would redraw becomes lines: the last states as the job's own, the others marked and rare."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.log_marks import MOST_STATE_BYTES, BarState, UsageNow, read_mark, state_line, usage_line
from aws_run_entrypoint.redrawn import RedrawnLines

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x08\x1b"), max_size=30), max_size=8)


def all_of(*chunks: bytes) -> bytes:
    """Everything that comes out when the job never pauses."""
    lines = RedrawnLines()
    return b"".join(lines.feed(chunk, 0.0) for chunk in chunks) + lines.end()


def in_parts(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(LINES, st.lists(st.integers(0, 500), max_size=5), st.booleans())
def test_output_that_redraws_nothing_stays_as_it_is(lines: list[str], cuts: list[int], ended: bool) -> None:
    data = "\n".join(lines).encode() + (b"\n" if ended else b"")
    assert all_of(*in_parts(data, cuts)) == data


PIECES = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x08",
        b"\x1b[A",
        b"\x1b[2K",
        b"\x1b[3B",
        b"\x1b[F",
        b"\x1b[31m",
        b"\x1b[?25l",
        b"50%",
        b"text",
        "é|█".encode(),
    ]
)


@given(st.lists(PIECES, max_size=40).map(b"".join), st.lists(st.integers(0, 500), max_size=8))
def test_the_last_states_are_the_same_however_the_output_is_cut(data: bytes, cuts: list[int]) -> None:
    assert all_of(*in_parts(data, cuts)) == all_of(data)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_come_to_an_end_and_no_state_is_left(chunks: list[bytes]) -> None:
    lines = RedrawnLines()
    for number, chunk in enumerate(chunks):
        lines.feed(chunk, float(number))
        lines.tick(float(number))
    lines.end()
    assert lines.end() == b""


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"\r 1%\r 50%\r100%\n", b"100%\n"),
        (b"10%\r20%\r30%\rdone\n", b"done\n"),
        (b"|\x08/\x08-\x08ok\n", b"ok\n"),
        (b"\r 50%\r      \rnext\n", b"next\n"),
        (b"\r 50%\r      ", b""),
        (b"\router 1\n\rinner 1\x1b[A\router 2\n\rinner 2\x1b[A\n\nend\n", b"outer 2\ninner 2\nend\n"),
        (b"\r\x1b[32m 50%\x1b[0m", b"\x1b[32m 50%\x1b[0m\n"),
        (b"no end", b"no end"),
    ],
)
def test_of_what_is_redrawn_the_last_state_is_the_line(output: bytes, lines: bytes) -> None:
    assert all_of(output) == lines


def test_states_go_out_once_a_second_and_the_last_one_once_the_job_has_gone_on() -> None:
    lines, out = RedrawnLines(), []
    for step in range(30):
        out.append(lines.feed(f"\r{step}%".encode(), step / 10))
        if step % 10 == 9:
            out.append(lines.tick(step / 10))
    out.append(lines.tick(3.0))
    assert [part for part in out if part] == [state_line(0, text) for text in (b"9%", b"19%", b"29%")]
    assert lines.feed(b"\r100%\n", 3.1) == b""
    assert lines.tick(3.2) == state_line(0, b"100%")
    assert lines.tick(4.2) == b"100%\n"
    assert lines.feed(b"next\n", 9.0) == b"next\n"


def test_a_line_between_two_states_comes_before_the_bar_that_goes_on() -> None:
    """As tqdm.write does it."""
    lines = RedrawnLines()
    lines.feed(b"\r 50%|##  |", 0.0)
    lines.feed(b"\r          \rsaved a model\n\r 50%|##  |", 0.1)
    assert lines.tick(2.0) == b"saved a model\n" + state_line(0, b" 50%|##  |")


def test_several_bars_are_told_by_their_rows() -> None:
    lines = RedrawnLines()
    for step in range(5):
        lines.feed(f"\router {step}\n\rinner {step}\x1b[A".encode(), step / 10)
    assert lines.tick(0.9) == state_line(0, b"outer 4") + state_line(1, b"inner 4")


def test_a_line_without_an_end_goes_out_in_parts() -> None:
    lines = RedrawnLines()
    assert sum(len(lines.feed(b"x" * 5000, 0.0)) for _ in range(20)) > 60_000
    assert len(lines.feed(b"\r" + b"y" * 50_000, 0.0)) < 40_000
    assert len(lines.tick(1.0)) < MOST_STATE_BYTES + 10


@given(st.integers(0, 99), st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=50))
def test_a_state_is_read_as_it_was_written(row: int, text: str) -> None:
    assert read_mark(state_line(row, text.encode()).decode().removesuffix("\n")) == BarState(row, text)


@given(st.builds(UsageNow, *[st.none() | st.integers(0, 2**50)] * 5))
def test_use_is_read_as_it_was_written(usage: UsageNow) -> None:
    assert read_mark(usage_line(usage).decode().removesuffix("\n")) == usage


@given(
    st.text(max_size=30)
    | st.text(max_size=30).map("\u240dusage {}".format)
    | st.text(max_size=9).map("\u240d{}".format)
)
def test_a_forged_mark_raises_nothing(line: str) -> None:
    mark = read_mark(line)
    assert mark is None or isinstance(mark, (BarState, UsageNow))
    assert read_mark('\u240dusage {"cpu_percent": true, "memory_bytes": -1, "x": 1}') == UsageNow()
