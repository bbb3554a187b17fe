"""What a job prints reaches a console that can't show all of it."""

from __future__ import annotations

import io

import pytest

from aws_run.streams import ResilientStream


@pytest.mark.parametrize(
    ("encoding", "errors", "shown"),
    [
        ("ascii", "strict", rb"epoch 1 \u2713 caf\xe9" + b"\n"),
        ("cp1252", "strict", b"epoch 1 \\u2713 caf\xe9\n"),
        ("cp1252", "replace", b"epoch 1 ? caf\xe9\n"),  # as the user has set it
        ("utf-8", "strict", "epoch 1 \u2713 caf\u00e9\n".encode()),
    ],
)
def test_a_character_that_the_console_lacks_is_escaped(encoding: str, errors: str, shown: bytes) -> None:
    raw = io.BytesIO()
    stream = ResilientStream(io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="\n"))
    stream.write("epoch 1 \u2713 caf\u00e9\n")
    stream.flush()
    assert raw.getvalue() == shown


def test_half_of_a_pair_from_a_file_name_is_escaped_as_well() -> None:
    raw = io.BytesIO()
    stream = ResilientStream(io.TextIOWrapper(raw, encoding="utf-8"))
    stream.write("caf\udce9.csv")
    stream.flush()
    assert raw.getvalue() == rb"caf\udce9.csv"
