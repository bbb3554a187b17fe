"""Two clients write into one folder: one of them is told, and nothing half is ever under a final name."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import fetch, listing, send
from tests.waiting import PATIENCE_S

from aws_run_entrypoint.transfer import BusyError, Entry
from aws_run_entrypoint.transfer.files import PartFile

ENTRY = Entry("model.bin", 6, 1_700_000_000_000_000_000, 0o644, None, None)


def part(folder: Path, *, big: bool = True) -> PartFile:
    return PartFile(str(folder / "model.bin"), ENTRY, big=big)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_part_that_another_client_took_over_is_not_renamed_and_its_is(tmp_path: Path) -> None:
    first = part(tmp_path)
    first.write_all(b"whole1")
    second = part(tmp_path)
    second.write_all(b"hal")
    with pytest.raises(BusyError, match=r"somebody else is writing into '.*' and has begun 'model.bin' anew"):
        first.commit()
    first.discard()
    assert names(tmp_path) == [Path(second.part).name]
    second.discard()
    assert names(tmp_path) == []


def test_the_client_that_came_last_ends_right(tmp_path: Path) -> None:
    first, second = part(tmp_path), part(tmp_path)
    first.discard()
    os.pwrite(second.fd, b"whole2", 0)
    second.commit()
    assert (tmp_path / "model.bin").read_bytes() == b"whole2"
    assert (tmp_path / "model.bin").stat().st_mtime_ns == ENTRY.mtime_ns
    assert names(tmp_path) == ["model.bin"]


def test_a_part_that_helpers_wrote_is_looked_at_as_well(tmp_path: Path) -> None:
    first = part(tmp_path)
    helper = os.open(first.part, os.O_RDWR)
    os.pwrite(helper, b"whole1", 0)
    os.close(helper)
    second = part(tmp_path)
    assert Path(second.part).stat().st_ino != first.inode
    with pytest.raises(BusyError):
        first.commit()
    first.discard()
    assert names(tmp_path) == [Path(second.part).name]
    second.discard()


def test_a_client_that_comes_between_the_look_and_the_rename_gets_its_part_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, others = part(tmp_path), list[PartFile]()
    rename = os.rename

    def late(source: str, target: str) -> None:
        if not others:
            others.append(part(tmp_path))
            others[0].write_all(b"hal")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(BusyError):
        first.commit()
    first.discard()
    assert not (tmp_path / "model.bin").exists()
    os.pwrite(others[0].fd, b"whole2", 0)
    others[0].commit()
    assert (tmp_path / "model.bin").read_bytes() == b"whole2"


def test_small_parts_of_two_clients_never_meet(tmp_path: Path) -> None:
    first, second = part(tmp_path, big=False), part(tmp_path, big=False)
    first.write_all(b"whole1")
    second.write_all(b"who")
    first.commit()
    assert (tmp_path / "model.bin").read_bytes() == b"whole1"
    second.write_all(b"le2")
    second.commit()
    assert (tmp_path / "model.bin").read_bytes() == b"whole2"
    assert names(tmp_path) == ["model.bin"]


def test_what_a_killed_process_left_of_a_big_file_is_overwritten(tmp_path: Path) -> None:
    left = part(tmp_path)
    os.close(left.fd)
    again = part(tmp_path)
    again.commit()
    assert names(tmp_path) == ["model.bin"]


@pytest.mark.parametrize("helpers", [1, 2])
def test_of_two_downloads_into_one_folder_the_first_is_told_and_the_second_ends_right(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    monkeypatch.setattr("aws_run_entrypoint.transfer.process_pool.WORTH_BYTES", 1)
    monkeypatch.setattr("aws_run_entrypoint.transfer.pull.WORTH_BYTES", 1)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(os.urandom(17 << 20))
    send(stub.bucket(), tmp_path / "in")
    first, done = threading.Lock(), threading.Event()

    def another_begins(seen: Seen) -> Fault | None:
        if "range" in seen.headers and first.acquire(blocking=False):
            fetch(stub.bucket(), tmp_path / "out", helpers=1)
            done.set()
        return None

    stub.script = another_begins
    with pytest.raises(BusyError, match="somebody else is writing into"):
        fetch(stub.bucket(), tmp_path / "out", helpers=helpers)
    assert done.wait(PATIENCE_S)  # a helper finds out while the second is still at it
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_a_small_part_goes_with_a_download_that_is_interrupted(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("x")
    send(stub.bucket(), tmp_path / "in")

    def interrupt(source: str, target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(stub.bucket(), tmp_path / "out")
    assert names(tmp_path / "out") == []
