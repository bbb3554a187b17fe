"""What this machine can't hold costs itself and nothing else, where the caller says so; else it is an error."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import fetch, grown, listing, send

from aws_run_entrypoint.transfer import DiskFullError, PathError, Pulled, Skipped, files, paths


def saved(stub: StubS3, tmp_path: Path, *more: str) -> Path:
    """A run's outputs in the bucket, and an empty folder for them."""
    source = grown(tmp_path / "in")
    for name in more:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    send(stub.bucket(), source)
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def lenient(stub: StubS3, into: Path) -> tuple[Pulled, list[tuple[str, str]]]:
    told: list[object] = []
    done = fetch(stub.bucket(), into, strict=False, on_event=told.append)
    assert [event for event in told if isinstance(event, Skipped)] == list(done.left_out)
    last = told[-1]
    assert (last.files, last.bytes) == (last.total_files, last.total_bytes)  # type: ignore[attr-defined]
    return done, [(one.path, one.why) for one in done.left_out]


def all_but(tmp_path: Path, *names: str) -> dict[str, object]:
    return {name: found for name, found in listing(tmp_path / "in").items() if name not in names}


def test_a_file_where_a_folder_is_needed_leaves_out_what_is_in_that_folder(stub: StubS3, tmp_path: Path) -> None:
    out = saved(stub, tmp_path, "logs/a", "logs/b")
    (out / "logs").write_text("mine")
    with pytest.raises(PathError, match="needs a folder where the file 'logs' is"):
        fetch(stub.bucket(), out)
    done, left = lenient(stub, out)
    assert left == [(name, "needs a folder where the file 'logs' is") for name in ("logs/a", "logs/b")]
    assert (out / "logs").read_text() == "mine"
    (out / "logs").unlink()
    assert listing(out) == all_but(tmp_path, "logs/a", "logs/b")
    assert done.files == 12


def test_a_folder_where_a_file_or_an_empty_folder_where_a_file_is(stub: StubS3, tmp_path: Path) -> None:
    out = saved(stub, tmp_path)
    (out / "plain.txt").mkdir()
    (out / "plain.txt/mine").write_text("mine")
    (out / "empty folder").write_text("mine")
    _, left = lenient(stub, out)
    assert left == [
        ("empty folder/inner/", "needs a folder where the file 'empty folder' is"),
        ("plain.txt", "is a folder here and a file there"),
    ]
    assert (out / "plain.txt/mine").read_text() == (out / "empty folder").read_text() == "mine"


def test_names_that_this_system_can_not_have(stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = saved(stub, tmp_path, "2026-11-21T10:30.csv", "nul")
    real = paths.check_relative
    monkeypatch.setattr(paths, "check_relative", lambda path: real(path, windows=True))
    _, left = lenient(stub, out)
    assert [name for name, _ in left] == ["2026-11-21T10:30.csv", "new\nline", "nul", "sp ace/ü+%&?#'\".txt"]


def test_of_two_names_that_are_one_here_the_second_is_left_out(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = saved(stub, tmp_path, "case")
    monkeypatch.setattr(paths, "_folds_case", lambda folder: True)
    _, left = lenient(stub, out)
    assert left == [("case", "and 'Case' are one name on this file system")]
    assert (out / "Case").read_text() == "upper"


@pytest.mark.parametrize("size", [5, 300 << 10, 17 << 20])
def test_what_the_system_refuses_when_it_is_begun_or_put_in_place(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    out = saved(stub, tmp_path)
    (tmp_path / "in/zz").write_bytes(bytes(size))
    send(stub.bucket(), tmp_path / "in")
    replace, open_ = os.replace, os.open

    def no_replace(source: str, target: str) -> None:
        if target.endswith("/zz"):
            raise PermissionError(errno.EACCES, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", no_replace)
    _, left = lenient(stub, out)
    assert left == [("zz", "can't be written (Permission denied)")]
    monkeypatch.setattr(os, "replace", replace)

    def no_open(path: str, flags: int, *more: int) -> int:
        if ".aws-run-part-" in path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return open_(path, flags, *more)

    monkeypatch.setattr(os, "open", no_open)
    _, left = lenient(stub, out)
    assert left == [("zz", "can't be written (Permission denied)")]
    assert listing(out) == all_but(tmp_path, "zz")
    with pytest.raises(PathError, match="'zz' can't be written"):
        fetch(stub.bucket(), out)


def long_name(out: Path) -> None:
    raise OSError(errno.ENAMETOOLONG, "File name too long")


def closed(out: Path) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("refusal", [long_name, closed])
def test_what_the_system_refuses_when_it_is_looked_at(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[[Path], None]
) -> None:
    out = saved(stub, tmp_path, "zz")
    lstat = os.lstat

    def look(path: str) -> os.stat_result:
        if str(path).endswith("/zz"):
            refusal(out)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", look)
    _, left = lenient(stub, out)
    monkeypatch.undo()
    assert [name for name, _ in left] == ["zz"]
    assert listing(out) == all_but(tmp_path, "zz")


def test_on_a_full_disk_what_still_fits_comes(stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = saved(stub, tmp_path)
    (tmp_path / "in/b.bin").write_bytes(bytes(300 << 10))
    send(stub.bucket(), tmp_path / "in")
    write, room_at = os.write, files.room_at

    def full_for_large_ones(fd: int, data: bytes) -> int:
        if len(data) > 100 << 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full_for_large_ones)
    monkeypatch.setattr(files, "room_at", lambda folder: min(room_at(folder), 200 << 10))
    done, left = lenient(stub, out)
    size = (tmp_path / "in/mid.bin").stat().st_size
    assert left == [
        ("b.bin", f"does not fit: the disk is full ({300 << 10} bytes)"),
        ("mid.bin", f"does not fit: the disk is full ({size} bytes)"),
    ]
    assert done.no_room == 2
    assert listing(out) == all_but(tmp_path, "b.bin", "mid.bin")
    with pytest.raises(DiskFullError, match="the disk is full"):
        fetch(stub.bucket(), tmp_path / "strict")


def test_a_listener_that_ends_it_is_heard(stub: StubS3, tmp_path: Path) -> None:
    out = saved(stub, tmp_path, "logs/a")
    (out / "logs").write_text("mine")

    def stop(event: object) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        fetch(stub.bucket(), out, strict=False, on_event=stop)
