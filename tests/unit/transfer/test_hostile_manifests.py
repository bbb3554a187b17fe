"""A manifest that a job wrote as it liked: one typed error, and never a read from another place or of another size."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, PREFIX, fetch

from aws_run_entrypoint.documents import DocumentError, depth, parse, parse_object
from aws_run_entrypoint.transfer import (
    CorruptError,
    Entry,
    ManifestError,
    Source,
    TooLargeError,
    get_object,
    put_object,
)
from aws_run_entrypoint.transfer import manifest as manifests
from aws_run_entrypoint.transfer.http1 import AnswerParser

DEEP = b"[" * 100_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
LINE: list[Any] = ["a", 1, 1, 0o644, "8cdc1683", None]


def whole(line: bytes) -> bytes:
    return manifests.encode([line], files=1, total_bytes=1)


@pytest.mark.parametrize(
    "raw",
    [
        DEEP,
        b'{"a":' * 5000,
        b"1" * 100_000,
        b"1e999",
        b"NaN",
        b"-Infinity",
        b"\xff\xfe",
        b'{"a": "\\ud800"',
        b"",
        b"[" * 20 + b"]" * 20,
    ],
)
def test_whatever_the_text_is_there_is_one_error(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        parse(raw, most_bytes=1 << 20)


def test_a_document_is_bounded_in_size_before_it_is_read() -> None:
    with pytest.raises(DocumentError, match="is larger than 10 bytes"):
        parse(b'"0123456789"', most_bytes=10)


def test_brackets_in_texts_are_no_depth() -> None:
    text = json.dumps({"a": "[" * 500 + '\\"' + "{" * 500}).encode()
    assert depth(text) == 1
    assert parse_object(text, most_bytes=1 << 20).text("a", most_chars=2000).startswith("[[")


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [True, -(10**30), 10**30, 1.5, [], {}, "x\ud800y", "zz", "a" * 5000])
def test_an_entry_with_a_value_of_the_wrong_kind_or_size_is_refused(place: int, value: object) -> None:
    line = [*LINE]
    line[place] = value
    if isinstance(value, str) and place in (0, 5):
        return  # names are looked at when they become files, and versions go out quoted
    with pytest.raises(ManifestError):
        list(manifests.entries(whole(json.dumps(line).encode())))


@given(st.lists(JSON, max_size=8))
def test_any_json_in_a_line_is_an_entry_or_a_manifest_error(line: list[Any]) -> None:
    try:
        (entry,) = manifests.entries(whole(json.dumps(line).encode()))
    except ManifestError:
        return
    assert isinstance(entry.path, str)
    assert 0 <= entry.size <= 2**50


@given(st.dictionaries(st.sampled_from(["version", "fields", "files", "bytes", "source"]), JSON))
def test_any_json_in_the_first_line_is_a_header_or_a_manifest_error(changes: dict[str, Any]) -> None:
    said = {"version": 1, "fields": manifests.FIELDS, "files": 0, "bytes": 0, **changes, "entries": []}
    raw = json.dumps(said).encode()[:-2] + b"\n]}\n"
    try:
        assert manifests.header(raw).files >= 0
    except ManifestError:
        return


@pytest.mark.parametrize("line", [b'["' + DEEP, DEEP, b'["a",' + b"1" * 90_000])
def test_a_line_that_is_too_deep_or_too_long_is_a_manifest_error(line: bytes) -> None:
    with pytest.raises(ManifestError):
        list(manifests.entries(whole(line)))


def test_an_etag_that_would_break_out_of_its_header_is_refused() -> None:
    with pytest.raises(ManifestError):
        list(manifests.entries(whole(json.dumps([*LINE, "a\r\nx-evil: 1"]).encode())))


def test_a_manifest_names_another_bucket_only_where_the_tool_wrote_it(stub: StubS3, tmp_path: Path) -> None:
    stub.store("payroll/salaries.csv", b"x")
    entry = Entry("salaries.csv", 1, 1, 0o644, zlib.crc32(b"x"), None)
    raw = manifests.from_entries([entry], source=Source("bucket", "us-east-1", "payroll/", None))
    put_object(stub.bucket(), KEY, raw)
    with pytest.raises(ManifestError, match="names another bucket"):
        fetch(stub.bucket(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    fetch(stub.bucket(), tmp_path / "in", elsewhere=True)
    assert (tmp_path / "in/salaries.csv").read_bytes() == b"x"


def test_an_object_larger_than_its_manifest_says_is_not_read_into_memory(stub: StubS3, tmp_path: Path) -> None:
    stub.store(f"{PREFIX}a", bytes(1 << 20))
    put_object(stub.bucket(), KEY, manifests.from_entries([Entry("a", 1, 1, 0o644, None, None)]))
    with pytest.raises(CorruptError, match="is not what the manifest names"):
        fetch(stub.bucket(), tmp_path / "out")


def test_an_answer_is_bounded_by_what_its_head_says_and_by_what_comes(stub: StubS3) -> None:
    stub.store("big", bytes(200_000))
    with pytest.raises(TooLargeError):
        get_object(stub.bucket(), "big", most_bytes=100_000)
    assert len(get_object(stub.bucket(), "big", most_bytes=200_000).body) == 200_000
    parser = AnswerParser("GET", None, 100_000)
    with pytest.raises(TooLargeError):
        parser.feed(memoryview(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n"))
    endless = AnswerParser("GET", None, 100_000)
    endless.feed(memoryview(b"HTTP/1.1 200 OK\r\n\r\n"))
    endless.feed(memoryview(bytes(100_000)))
    with pytest.raises(TooLargeError):
        endless.feed(memoryview(b"x"))
