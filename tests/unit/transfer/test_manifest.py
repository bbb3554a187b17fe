from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.transfer import manifest
from aws_run_entrypoint.transfer.errors import ManifestError
from aws_run_entrypoint.transfer.plan import MAX_PIECES, compare, pieces
from aws_run_entrypoint.transfer.scan import sort_key
from aws_run_entrypoint.transfer.values import Entry, Found

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
    pairs = list(compare((Found(p, 0, mtime_ns, 0) for p in here), lines))
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
    assert line.startswith(manifest.start_of(Found(**{**ALIKE, **other}))) == (not other)


@given(st.integers(1, 5 * 2**40))
def test_pieces_cover_a_file_without_gap_and_fit_into_one_upload(size: int) -> None:
    cut = pieces(size)
    assert len(cut) <= MAX_PIECES
    assert cut[0][0] == 0
    assert all(a + n == b for (a, n), (b, _) in pairwise(cut))
    assert sum(cut[-1]) == size
