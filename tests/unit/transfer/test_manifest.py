from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.transfer import manifest
from aws_run_entrypoint.transfer.errors import ManifestError
from aws_run_entrypoint.transfer.plan import MAX_PIECES, compare, pieces
from aws_run_entrypoint.transfer.scan import sort_key
from aws_run_entrypoint.transfer.values import Entry, ScannedFile

names = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)
entries = st.builds(
    Entry,
    names,
    st.integers(0, 2**50),
    st.integers(0, 2**63),
    st.integers(0, 0o777),
    st.integers(0, 2**32 - 1),
    st.none() | names,
    st.none() | st.text('"-0123456789abcdef', min_size=1, max_size=40),
)


@given(st.lists(entries, max_size=20))
def test_entries_survive_the_round_trip(items: list[Entry]) -> None:
    raw = manifest.from_entries(items)
    assert list(manifest.entries(raw)) == items
    assert len(json.loads(raw)["entries"]) == len(items)
    files = [e for e in items if not e.is_dir]
    assert manifest.header(raw) == (len(files), sum(e.size for e in files), None)


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"<Error/>", b'{"version":2,"fields":[],"files":0,"bytes":0,"entries":[]}']
)
def test_what_is_no_manifest_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        list(manifest.entries(raw))


def test_a_truncated_manifest_is_refused_before_its_first_entry() -> None:
    raw = manifest.from_entries([Entry(f"f{n}", 1, 1, 1, 1, None) for n in range(10)])
    with pytest.raises(ManifestError):
        next(manifest.entries(raw[: len(raw) // 2]))


paths = st.lists(st.lists(st.sampled_from(["a", "b", "a.txt", "é"]), min_size=1, max_size=3).map("/".join), unique=True)


def entry_of(there: Entry | bytes) -> Entry:
    return manifest.decode_entry(there) if isinstance(there, bytes) else there


@given(paths, paths, st.integers(0, 1))
def test_comparing_pairs_every_path_once(here: list[str], there: list[str], mtime_ns: int) -> None:
    here, there = sorted(here, key=sort_key), sorted(there, key=sort_key)
    lines = [manifest.encode_entry(Entry(p, 0, 0, 0, 0, None)) for p in there]
    pairs = list(compare((ScannedFile(p, 0, mtime_ns, 0) for p in here), lines))
    assert [f.path for f, _ in pairs if f] == here
    assert [entry_of(e).path for _, e in pairs if e] == there
    assert {f.path for f, e in pairs if f and e} == set(here) & set(there)
    # The line as it stands means "the same", and only that.
    assert mtime_ns == 0 or not any(isinstance(e, bytes) for f, e in pairs if f)
    assert mtime_ns or here != there or all(isinstance(e, bytes) for _, e in pairs)


ALIKE = {"path": 'a"b\\é\n', "size": 12, "mtime_ns": 1_700_000_000_123_456_789, "mode": 0o644}


@pytest.mark.parametrize("other", [{"path": 'a"b\\é'}, {"size": 1}, {"mtime_ns": 17}, {"mode": 0o755}, {}])
def test_a_line_counts_as_the_same_only_if_everything_of_the_file_is(other: dict[str, Any]) -> None:
    line = manifest.encode_entry(Entry(**ALIKE, crc32=7, version_id="v"))  # type: ignore[arg-type]
    assert line.startswith(manifest.start_of(ScannedFile(**{**ALIKE, **other}))) == (not other)


@given(st.integers(1, 5 * 2**40))
def test_pieces_cover_a_file_without_gap_and_fit_into_one_upload(size: int) -> None:
    cut = pieces(size)
    assert len(cut) <= MAX_PIECES
    assert cut[0][0] == 0
    assert all(a + n == b for (a, n), (b, _) in pairwise(cut))
    assert sum(cut[-1]) == size


FIELDS = (
    st.text(max_size=5) | st.sampled_from(["a/b.txt", "empty/", "ü", "x\ud800", 'a"b', "a\\b", "a\x7f"]),
    st.integers() | st.sampled_from([0, -1, 2**50, 2**50 + 1, 2**63]),
    st.integers() | st.sampled_from([0, -(2**63), 2**63, 2**63 + 1]),
    st.integers() | st.sampled_from([0o644, 0o7777, 0o10000]),
    st.none() | st.text(max_size=9) | st.sampled_from(["0a1b2c3d", "F", "123456789"]),
    st.none() | st.text(max_size=5) | st.sampled_from(["v" * 1024, "v" * 1025, 'v"', "null"]),
)
ETAGS = st.lists(st.text(max_size=5) | st.sampled_from(["abc", '"abc"', "a b", "a" * 1025]), max_size=2)


@given(st.tuples(*FIELDS), ETAGS, st.binary(max_size=1), st.integers(0, 200))
def test_the_quick_reader_of_a_line_agrees_with_the_careful_one(
    fields: tuple[Any, ...], etags: list[str], byte: bytes, at: int
) -> None:
    line = json.dumps([*fields, *etags], separators=(",", ":")).encode()
    for changed in (line, line[:at] + byte + line[at + 1 :]):
        assert outcome_of(manifest.decode_entry, changed) == outcome_of(manifest.parse_entry, changed)


@pytest.mark.parametrize(
    "line",
    [
        b'["a",01,2,3,null,null]',
        b'["a",-0,-0,-0,null,null]',
        b'["a",1,-00,3,null,null]',
        b'["a",1,2,3,"0000000g",null]',
        b'["a",1,2,3,null,"\xff"]',
        b'["\xff",1,2,3,null,null]',
        b'["\xed\xa0\x80",1,2,3,null,null]',
        b'["a\n",1,2,3,null,null]',
        b'["",1,2,3,null,null]',
        b'["a",1,2,3,null,null,""]',
        b'["a",1,2,3,null,null,null]',
        b'["a",1,2,3,null,null],',
        b'["a",1,2,3,null,null]\n',
        b'["' + b"a" * 70_000 + b'",1,2,3,null,null]',
        b'["a",1,2,8888,null,null]',
        b'["a",9999999999999999999,2,3,null,null]',
    ],
)
def test_the_quick_reader_of_a_line_accepts_nothing_more(line: bytes) -> None:
    assert outcome_of(manifest.decode_entry, line) == outcome_of(manifest.parse_entry, line)


def outcome_of(read: Callable[[bytes], Entry], line: bytes) -> Entry | str:
    try:
        return read(line)
    except ManifestError as error:
        return str(error)
