"""How the output of an attached container becomes lines of the log."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from aws_run.local.runtime.docker import read_lines

_FRAMES = st.lists(st.tuples(st.sampled_from((1, 2)), st.text("a\n", max_size=20).map(str.encode)))


def lines(*frames: tuple[int, bytes]) -> list[str]:
    said: list[str] = []
    read_lines(frames, said.append)
    return said


def test_two_streams_never_share_a_line() -> None:
    assert lines((1, b"ha"), (2, b"err\r\n"), (1, b"lf\nlast"), (2, b"\xff")) == ["err", "half", "last", "\ufffd"]


@given(_FRAMES)
def test_every_byte_of_each_stream_is_in_some_line(frames: list[tuple[int, bytes]]) -> None:
    whole = [b"".join(chunk for of, chunk in frames if of == stream).decode() for stream in (1, 2)]
    expected = [line for text in whole if text for line in text.removesuffix("\n").split("\n")]
    assert sorted(lines(*frames)) == sorted(expected)


def test_a_connection_that_breaks_keeps_what_came() -> None:
    def broken() -> Iterator[tuple[int, bytes]]:
        yield 1, b"one\ntw"
        raise ConnectionResetError

    said: list[str] = []
    read_lines(broken(), said.append)
    assert said == ["one", "tw"]
