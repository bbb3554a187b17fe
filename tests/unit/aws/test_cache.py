"""What is kept on this machine of AWS's answers: until it is too old, and never needed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.fakes import START, FakeClock

from aws_run.aws.cache import DiskCache


def test_an_entry_is_there_until_it_is_too_old_and_survives_the_process(tmp_path: Path) -> None:
    clock = FakeClock()
    DiskCache(lambda: tmp_path / "made", clock).write("a key", {"x": [1, "2"]})
    again = DiskCache(lambda: tmp_path / "made", clock)
    entry = again.read("a key", most_age_s=60)
    assert entry is not None
    assert (entry.document, entry.written_at) == ({"x": [1, "2"]}, START)
    assert again.read("another", most_age_s=60) is None
    clock.sleep(61)
    assert again.read("a key", most_age_s=60) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 9, "key": "k"}', "x" * 5_000_000])
def test_a_damaged_entry_counts_as_absent(tmp_path: Path, text: str) -> None:
    cache = DiskCache(lambda: tmp_path, FakeClock())
    cache.write("k", 1)
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert cache.read("k", most_age_s=60) is None
    cache.write("k", 2)
    assert cache.read("k", most_age_s=60) is not None


def test_an_entry_of_a_clock_that_was_ahead_counts_as_absent(tmp_path: Path) -> None:
    DiskCache(lambda: tmp_path, FakeClock(START + timedelta(days=300))).write("k", 1)
    assert DiskCache(lambda: tmp_path, FakeClock()).read("k", most_age_s=10 * 86_400) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DiskCache(lambda: tmp_path / "file" / "below", FakeClock())
    cache.write("k", 1)
    assert cache.read("k", most_age_s=60) is None


def test_two_caches_of_a_process_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The folder of one may depend on an AWS client, which is made under a lock and read from the other."""
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> Path:
        inside.set()
        assert go_on.wait(60)
        return tmp_path

    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(DiskCache(slow, FakeClock()).read, "k", most_age_s=60)
        assert inside.wait(60)
        other = DiskCache(lambda: tmp_path, FakeClock())
        other.write("k", 1)
        assert other.read("k", most_age_s=60) is not None
        go_on.set()
        assert reading.result() is not None
