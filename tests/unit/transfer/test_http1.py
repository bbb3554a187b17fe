"""The parser meets answers cut at every possible place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.transfer.errors import NetworkError
from aws_run_entrypoint.transfer.http1 import AnswerParser, Response

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello"


def parse(data: bytes, cuts: list[int], *, close: bool = False) -> tuple[Response, AnswerParser]:
    parser = AnswerParser("GET", None)
    at = 0
    for cut in [*sorted({c % (len(data) + 1) for c in cuts}), len(data)]:
        if cut > at:
            parser.feed(memoryview(data[at:cut]))
            at = cut
    if close:
        parser.end_of_stream()
    assert parser.done
    return parser.response(), parser


@given(st.sampled_from([PLAIN, CHUNKED, INTERIM]), st.lists(st.integers(0, 500), max_size=12))
def test_an_answer_reads_the_same_wherever_it_is_cut(data: bytes, cuts: list[int]) -> None:
    response, parser = parse(data, cuts)
    assert (response.status, response.body, parser.keep) == (200, b"hello", True)


@given(st.lists(st.integers(0, 50), max_size=5))
def test_an_answer_without_length_ends_with_the_connection(cuts: list[int]) -> None:
    response, parser = parse(UNTIL_CLOSE, cuts, close=True)
    assert (response.body, parser.keep) == (b"hello", False)


def test_connection_close_is_honoured() -> None:
    _, parser = parse(PLAIN.replace(b"ETag", b"Connection: close\r\nETag"), [])
    assert not parser.keep


def test_a_head_answer_has_no_body_whatever_its_length_says() -> None:
    parser = AnswerParser("HEAD", None)
    parser.feed(memoryview(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"))
    assert parser.done


@pytest.mark.parametrize("cut", range(1, len(PLAIN)))
def test_a_break_off_is_noticed_at_every_byte(cut: int) -> None:
    parser = AnswerParser("GET", None)
    parser.feed(memoryview(PLAIN[:cut]))
    with pytest.raises(NetworkError, match="in the middle"):
        parser.end_of_stream()


@pytest.mark.parametrize(
    "data",
    [
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        PLAIN + b"HTTP/1.1",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000,
    ],
)
def test_broken_answers_are_errors_of_the_network(data: bytes) -> None:
    parser = AnswerParser("GET", None)
    with pytest.raises(NetworkError):
        parser.feed(memoryview(data))
