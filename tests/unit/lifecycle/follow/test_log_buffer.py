"""A log of any length on its way into the bucket: whole where that can be, and bounded whatever happens."""

from __future__ import annotations

import errno
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fakes import FakeAws, FakeBucket, FakeClock, refused

from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.runs.store import RunStore
from aws_run.usecases.explain import last_words
from aws_run.usecases.logs import lines_of


class FullDisk(io.BytesIO):
    """Takes `room` bytes, and of the write that goes beyond it a part, as a disk does."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: Any) -> int:
        free = self._room - self.tell()
        if free <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:free])


def kept(log: LogBuffer, lines: list[str]) -> list[str]:
    for line in lines:
        log.add(line)
    return log.stream().read().decode().splitlines()


def numbered(count: int) -> list[str]:
    return [f"line {number:04}" for number in range(count)]


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)),
    st.integers(1, 200),
)
def test_everything_is_kept_in_its_order_in_memory_and_beyond_it(lines: list[str], block: int) -> None:
    log = LogBuffer(open_file=io.BytesIO, block=block)
    for line in lines:
        log.add(line)
    assert log.empty is not bool(lines)
    for _ in range(2):  # an upload that failed is tried again
        assert log.stream().read() == "".join(f"{line}\n" for line in lines).encode()


def test_text_that_is_no_unicode_is_kept_as_well_as_it_can_be() -> None:
    assert kept(LogBuffer(), ["a\ud800b"]) == ["a?b"]


@pytest.mark.parametrize("room", [0, 5, 100, 450, 1000, 1050])
def test_of_a_log_that_the_disk_has_no_room_for_the_beginning_and_the_end_are_kept(room: int) -> None:
    lines = numbered(500)
    shown = kept(LogBuffer(open_file=lambda: FullDisk(room), block=200), lines)
    gaps = [line for line in shown if line.startswith("aws-run: ")]
    assert len(gaps) == 1
    before, after = shown[: shown.index(gaps[0])], shown[shown.index(gaps[0]) + 1 :]
    assert before == lines[: len(before)]
    assert after == lines[-len(after) :]
    assert len(before) + len(after) >= 19  # a block of it and no less, whatever is full
    missing = sum(len(line) + 1 for line in lines) - sum(len(line) + 1 for line in (*before, *after))
    assert gaps == [f"aws-run: {missing:,} bytes of the log are missing here"]


def test_a_folder_that_takes_no_file_costs_the_middle_of_a_long_log_only() -> None:
    def nowhere() -> Any:
        raise PermissionError(errno.EROFS, "Read-only file system")

    assert kept(LogBuffer(open_file=nowhere), numbered(50)) == numbered(50)
    shown = kept(LogBuffer(open_file=nowhere, block=200), numbered(50))
    assert shown[0] == "line 0000"
    assert shown[-1] == "line 0049"


def test_a_log_longer_than_what_is_kept_at_most_has_its_end_as_well() -> None:
    shown = kept(LogBuffer(open_file=io.BytesIO, block=100, most=1000), numbered(5000))
    assert shown[:100] == numbered(100)
    assert shown[100].startswith("aws-run: ")
    assert shown[101:] == numbered(5000)[-len(shown[101:]) :]
    assert sum(len(line) + 1 for line in shown) < 1000 + 100 + 60


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_lines_are_the_same_however_the_object_is_cut_into_pieces(text: bytes, piece: int) -> None:
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    wanted = [line.decode("utf-8", "replace") for line in text.split(b"\n")]
    if wanted[-1] == "":
        wanted.pop()
    assert list(lines_of(pieces)) == wanted


def test_one_line_that_never_ends_is_cut() -> None:
    lines = list(lines_of(b"x" * 2_000_000 for _ in range(5)))
    assert max(map(len, lines)) <= 2_000_000
    assert sum(map(len, lines)) == 10_000_000


@pytest.fixture
def store() -> tuple[RunStore, FakeBucket]:
    aws, clock = FakeAws(), FakeClock()
    bucket = FakeBucket(aws, clock)
    return RunStore(aws, "b", "1"), bucket


def test_an_object_comes_in_pieces_and_its_end_alone(store: tuple[RunStore, FakeBucket]) -> None:
    text = bytes(range(256)) * 20_000
    store[0].put_text("k", io.BytesIO(text))
    pieces = list(store[0].pieces("k") or ())
    assert len(pieces) > 1
    assert b"".join(pieces) == text
    assert store[0].last_bytes("k", 1000) == text[-1000:]


def test_an_object_that_is_not_there_or_is_empty_has_no_pieces_and_no_end(store: tuple[RunStore, FakeBucket]) -> None:
    assert store[0].pieces("k") is None
    assert store[0].last_bytes("k", 1000) == b""
    store[0].put_text("k", io.BytesIO())
    assert list(store[0].pieces("k") or ()) == []
    assert store[0].last_bytes("k", 1000) == b""


def test_a_refusal_is_no_absence(store: tuple[RunStore, FakeBucket]) -> None:
    aws = FakeAws().on("get_object", refused("AccessDenied"))
    with pytest.raises(Exception, match="AccessDenied"):
        RunStore(aws, "b", "1").last_bytes("k", 5)


def test_the_last_words_are_the_jobs_own_and_never_half_a_line() -> None:
    assert last_words(b"") == ""
    assert last_words(b"a\nValueError: no\naws-run: uploading\n\n") == "ValueError: no"
    assert last_words(b"ed in half\nwhole\n".rjust(64 * 1024, b"x")) == "whole"
    assert last_words(b"x" * 64 * 1024) == "x" * 300
