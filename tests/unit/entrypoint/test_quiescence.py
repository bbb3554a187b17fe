from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.unit.transfer.stub import StubS3

from aws_run_entrypoint.folders import notices_mapped_writes
from aws_run_entrypoint.job import Job, read_job
from aws_run_entrypoint.quiescence import StableFiles, is_open
from aws_run_entrypoint.sync import push_outputs
from aws_run_entrypoint.transfer.values import ScannedFile


def look(stable: StableFiles, path: Path) -> bool:
    found = path.stat()
    return stable(ScannedFile(path.name, found.st_size, found.st_mtime_ns, 0o644))


def aged(path: Path, text: str, seconds: float, now: float = 1000.0) -> Path:
    path.write_text(text)
    os.utime(path, (now - seconds, now - seconds))
    return path


class TestStableFiles:
    def test_a_file_goes_when_two_looks_saw_the_same_and_it_is_quiet(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "a", "x", 3)
        assert [look(stable, path), look(stable, path)] == [False, True]

    def test_a_file_that_was_just_written_waits(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "a", "x", 1)
        assert [look(stable, path) for _ in range(3)] == [False] * 3

    def test_a_file_that_grows_never_goes_half(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = tmp_path / "log"
        for length in range(1, 10):
            with path.open("a") as file:
                file.write("x")
            os.utime(path, (900 + length, 900 + length))
            assert not look(stable, path)

    def test_a_file_that_is_replaced_as_a_whole_again_and_again_goes_at_the_second_look(self, tmp_path: Path) -> None:
        """Else a checkpoint that is written every second would never be saved while the job runs."""
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = tmp_path / "state"
        seen = []
        for number in range(4):
            fresh = aged(tmp_path / "state.new", str(number), 0)
            fresh.replace(path)
            seen.append(look(stable, path))
        assert seen == [False, True, True, True]

    def test_a_file_that_was_removed_and_is_being_written_anew_waits_until_it_is_closed(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "state", "whole", 0)
        (tmp_path / "keeps the old inode").hardlink_to(path)
        assert not look(stable, path)
        path.unlink()
        with path.open("w") as writer:
            writer.write("half")
            writer.flush()
            assert not look(stable, path)

    def test_where_processes_can_not_be_asked_a_file_counts_as_open(self, tmp_path: Path) -> None:
        path = aged(tmp_path / "state", "whole", 0)
        assert not is_open(str(path))
        assert is_open(str(path), proc=str(tmp_path / "none"))


def long_ago(path: Path) -> None:
    """Only the time: the pages stay as dirty as they are."""
    os.utime(path, (time.time() - 100, time.time() - 100))


def mapped(path: Path, text: bytes) -> mmap.mmap:
    """The file holds `text`, in pages that are dirty, and its mtime is long ago."""
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file:
        held = mmap.mmap(file.fileno(), 0)
    held[: len(text)] = text
    long_ago(path)
    return held


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    if not notices_mapped_writes(str(tmp_path)):
        pytest.skip(f"{tmp_path} is on a tmpfs, which never tells of a write through a mapping")
    return tmp_path


@pytest.fixture
def in_memory() -> Iterator[Path]:
    shared = Path("/dev/shm")
    if not shared.is_dir() or notices_mapped_writes(str(shared)):
        pytest.skip("/dev/shm is no tmpfs here")
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


class TestFilesWrittenThroughAMapping:
    def test_a_write_after_the_file_may_go_moves_its_mtime(self, on_disk: Path) -> None:
        stable = StableFiles(str(on_disk))
        path = on_disk / "a"
        with mapped(path, b"early") as held:
            assert [look(stable, path), look(stable, path)] == [False, True]
            before = path.stat().st_mtime_ns
            held[:5] = b"FINAL"
            assert path.stat().st_mtime_ns != before

    def test_one_that_was_written_to_before_it_was_read_is_looked_at_again(self, on_disk: Path) -> None:
        stable = StableFiles(str(on_disk))
        path = on_disk / "a"
        with mapped(path, b"early") as held:
            assert [look(stable, path), look(stable, path)] == [False, True]
            held[:5] = b"later"
            noted = path.stat().st_mtime_ns  # here it is read and sent
            held[:5] = b"FINAL"
            stable.sync_is_over()
            touched = path.stat().st_mtime_ns
            assert touched != noted
            held[:5] = b"after"
            assert path.stat().st_mtime_ns != touched

    def test_one_that_nobody_wrote_to_keeps_its_mtime(self, on_disk: Path) -> None:
        stable = StableFiles(str(on_disk))
        path = aged(on_disk / "a", "x", 0)
        before = path.stat().st_mtime_ns
        assert [look(stable, path), look(stable, path)] == [False, True]
        stable.sync_is_over()
        assert path.stat().st_mtime_ns == before

    def test_one_that_vanishes_or_may_not_be_read_does_no_harm(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path))
        gone = ScannedFile("gone", 1, 1, 0o644)
        assert [stable(gone), stable(gone)] == [False, True]
        stable.sync_is_over()

    @pytest.mark.parametrize("place", ["on_disk", "in_memory"])
    def test_the_last_sync_sends_what_was_written_since(self, place: str, request: pytest.FixtureRequest) -> None:
        with StubS3() as stub:
            job = job_in(request.getfixturevalue(place), stub)
            output = Path(job.output_dir)
            output.mkdir()
            (output / "other").write_text("x")
            stable = StableFiles(str(output))
            with mapped(output / "a", b"early") as held:
                push_outputs(job, stable)
                push_outputs(job, stable)
                assert stub.current()["runs/r/output/a"][:5] == b"early"
                held[:5] = b"FINAL"
            push_outputs(job)
            assert stub.current()["runs/r/output/a"][:5] == b"FINAL"
            assert len(stub.objects["runs/r/output/other"]) == 1


def job_in(work: Path, stub: StubS3) -> Job:
    env = {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": stub.url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_RUN_ID": "r",
        "AWS_RUN_BUCKET": "bucket",
        "AWS_RUN_PREFIX": "runs/r/",
        "AWS_RUN_WORK_DIR": str(work),
    }
    return read_job(env, ["true"])


def test_the_kind_of_a_file_system_is_read_by_its_device(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    for kind, tells in (("tmpfs", False), ("ext4", True)):
        mounts.write_text(
            "36 35 0:0 / /elsewhere rw - tmpfs tmpfs rw\n"
            f"37 35 {os.major(device)}:{os.minor(device)} / /a\\040b rw,noatime shared:1 master:2 - {kind} none rw\n"
        )
        assert notices_mapped_writes(str(tmp_path), str(mounts)) is tells
    assert notices_mapped_writes(str(tmp_path), str(tmp_path / "none"))
