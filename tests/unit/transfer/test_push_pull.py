from __future__ import annotations

import itertools
import os
import zlib
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, PREFIX, fetch, grown, listing, send

from aws_run_entrypoint.transfer import (
    CorruptError,
    EngineError,
    NoManifestError,
    PathError,
    S3Error,
    Skipped,
    files,
    get_object,
    put_object,
)
from aws_run_entrypoint.transfer.manifest import entries, from_entries
from aws_run_entrypoint.transfer.scan import scan_folder
from aws_run_entrypoint.transfer.values import Entry, ScannedFile


def test_a_folder_comes_back_byte_for_byte(stub: StubS3, tmp_path: Path) -> None:
    source = grown(tmp_path / "in")
    sent = send(stub.bucket(), source)
    got = fetch(stub.bucket(), tmp_path / "out", sent.manifest_version_id)
    assert listing(tmp_path / "out") == listing(source)
    assert (
        (got.files, got.bytes)
        == (sent.files, sent.bytes)
        == (10, sum(f.stat().st_size for f in source.rglob("*") if f.is_file()))
    )


def test_a_big_file_travels_in_pieces(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(os.urandom(20 << 20))
    send(stub.bucket(), tmp_path / "in")
    assert stub.counts()["PUT"] == 3 + 1  # three parts and the manifest
    fetch(stub.bucket(), tmp_path / "out")
    assert (tmp_path / "out/big").read_bytes() == (tmp_path / "in/big").read_bytes()
    assert sum(1 for seen in stub.seen if "range" in seen.headers) == 3
    assert stub.uploads == {}


def test_an_unchanged_folder_costs_one_get_and_nothing_else(stub: StubS3, tmp_path: Path) -> None:
    first = send(stub.bucket(), grown(tmp_path))
    stub.seen.clear()
    again = send(stub.bucket(), tmp_path)
    assert stub.counts() == {"GET": 1}
    assert again.unchanged
    assert again.manifest_version_id == first.manifest_version_id


def test_ten_changes_in_ten_thousand_files_cost_ten_puts_and_two_requests(stub: StubS3, tmp_path: Path) -> None:
    for number in range(10_000):
        os.close(os.open(f"{tmp_path}/{number:05}", os.O_CREAT))
    was = [Entry(*found[:4], 0, None) for found in scan_folder(str(tmp_path))]
    stub.store(KEY, from_entries(was))
    for number in range(0, 10_000, 1000):
        (tmp_path / f"{number:05}").write_bytes(b"other")
    done = send(stub.bucket(), tmp_path)
    assert stub.counts() == {"GET": 1, "PUT": 10 + 1}
    assert done.sent_files == 10
    now = {entry.path: entry for entry in entries(stub.current()[KEY])}
    assert len(now) == 10_000
    assert {path for path in now if now[path].crc32 == zlib.crc32(b"other")} == {
        f"{n:05}" for n in range(0, 10_000, 1000)
    }
    stub.seen.clear()
    assert send(stub.bucket(), tmp_path).unchanged
    assert stub.counts() == {"GET": 1}


def test_a_touched_file_is_read_but_not_sent(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    stub.seen.clear()
    os.utime(tmp_path / "mid.bin", ns=(1, 1))
    done = send(stub.bucket(), tmp_path)
    assert (done.sent_files, done.unchanged) == (0, False)
    assert [seen.key for seen in stub.seen if seen.method == "PUT"] == [KEY]


def test_only_what_changed_is_sent_and_what_is_gone_is_deleted(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    stub.seen.clear()
    (tmp_path / "plain.txt").write_text("other")
    (tmp_path / "a/b/c/deep").unlink()
    (tmp_path / "new\nline").unlink()  # no XML can name it
    done = send(stub.bucket(), tmp_path)
    assert (done.sent_files, done.deleted_files) == (1, 2)
    assert stub.counts() == {"GET": 1, "PUT": 2, "POST": 1, "DELETE": 1}
    assert f"{PREFIX}a/b/c/deep" not in stub.current()
    assert f"{PREFIX}new\nline" not in stub.current()


def test_a_run_is_pinned_to_its_snapshot_whatever_happens_later(stub: StubS3, tmp_path: Path) -> None:
    source = grown(tmp_path / "in")
    before = listing(source)
    first = send(stub.bucket(), source)
    (source / "plain.txt").write_text("changed later")
    (source / "run.sh").unlink()
    send(stub.bucket(), source)
    fetch(stub.bucket(), tmp_path / "out", first.manifest_version_id)
    assert listing(tmp_path / "out") == before


def test_what_is_here_already_is_not_fetched_again(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    fetch(stub.bucket(), tmp_path / "out")
    (tmp_path / "out/plain.txt").write_text("damaged")
    stub.seen.clear()
    done = fetch(stub.bucket(), tmp_path / "out")
    assert (done.fetched_files, done.skipped_files) == (1, 9)
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_the_caller_may_keep_a_local_file(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plain.txt").write_text("mine, and newer")
    (tmp_path / "out/unrelated").write_text("mine")
    told: list[object] = []
    done = fetch(stub.bucket(), tmp_path / "out", keep=lambda entry, found: True, on_event=told.append)
    assert done.kept == ["plain.txt"]
    assert Skipped("plain.txt", "is newer here") in told
    assert (tmp_path / "out/plain.txt").read_text() == "mine, and newer"
    assert (tmp_path / "out/unrelated").read_text() == "mine"


def test_excluded_files_never_leave(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path), exclude=lambda path: path.startswith("sp ace/"))
    assert not any("ace" in key for key in stub.current())
    assert not any("ace" in seen.key for seen in stub.seen)


def _rewrite_with_its_time(path: Path, content: str) -> None:
    state = path.stat()
    path.write_text(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_a_file_that_kept_its_size_and_time_is_sent_when_its_content_changed(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    _rewrite_with_its_time(tmp_path / "plain.txt", "PLAIN")
    assert send(stub.bucket(), tmp_path).sent_files == 1
    assert stub.current()[f"{PREFIX}plain.txt"] == b"PLAIN"


def test_a_file_that_was_only_touched_is_read_once_and_not_sent(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    content = (tmp_path / "plain.txt").read_text()
    _rewrite_with_its_time(tmp_path / "plain.txt", content)
    again = send(stub.bucket(), tmp_path)
    assert (again.sent_files, again.unchanged) == (0, False)
    stub.seen.clear()
    assert send(stub.bucket(), tmp_path).unchanged
    assert stub.counts() == {"GET": 1}


def test_another_folder_with_the_same_sizes_and_times_is_read(stub: StubS3, tmp_path: Path) -> None:
    for name, content in (("v1", "AAAA"), ("v2", "BBBB")):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner/a").write_text(content)
        os.utime(tmp_path / name / "inner/a", ns=(10**18, 10**18))
    send(stub.bucket(), tmp_path / "v1")
    assert send(stub.bucket(), tmp_path / "v2").sent_files == 1
    assert stub.current()[f"{PREFIX}inner/a"] == b"BBBB"
    # The same by renaming, the whole folder and one inside of it: their files keep even their ctimes.
    for outer, other in ((tmp_path / "v2", tmp_path / "v1"), (tmp_path / "v2/inner", tmp_path / "v1/inner")):
        outer.rename(tmp_path / "aside")
        other.rename(outer)
        (tmp_path / "aside").rename(other)
        done = send(stub.bucket(), tmp_path / "v2")
        assert done.sent_files == 1
        assert (
            stub.current()[f"{PREFIX}inner/a"]
            == (outer / "a" if outer.name == "inner" else outer / "inner/a").read_bytes()
        )
    stub.seen.clear()
    assert send(stub.bucket(), tmp_path / "v2").unchanged
    assert stub.counts() == {"GET": 1}


@pytest.mark.parametrize("added", [True, False])
def test_a_folder_that_took_the_place_of_another_is_read_although_its_own_times_moved_on(
    stub: StubS3, tmp_path: Path, added: bool
) -> None:
    for name, content in (("root/inner", "AAAA"), ("next", "BBBB")):
        (tmp_path / name / "deep").mkdir(parents=True)
        for path in (tmp_path / name / "a", tmp_path / name / "deep/a", tmp_path / name / "old"):
            path.write_text(content)
            os.utime(path, ns=(10**18, 10**18))
    send(stub.bucket(), tmp_path / "root")
    (tmp_path / "root/inner").rename(tmp_path / "aside")
    (tmp_path / "next").rename(tmp_path / "root/inner")
    if added:
        (tmp_path / "root/inner/new").write_text("1")
    else:
        (tmp_path / "root/inner/old").unlink()
    send(stub.bucket(), tmp_path / "root")
    assert stub.current()[f"{PREFIX}inner/a"] == b"BBBB"
    assert stub.current()[f"{PREFIX}inner/deep/a"] == b"BBBB"


def test_a_file_more_in_a_folder_is_no_reason_to_read_the_others(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    for number in range(5):
        (tmp_path / f"inner/{number}").write_text("x")
    send(stub.bucket(), tmp_path)
    (tmp_path / "more").write_text("y")
    (tmp_path / "inner/more").write_text("y")
    opened: list[str] = []
    real = files.open_regular

    def noted(full: str, path: str) -> tuple[int, os.stat_result]:
        opened.append(path)
        return real(full, path)

    monkeypatch.setattr(files, "open_regular", noted)
    assert send(stub.bucket(), tmp_path).sent_files == 2
    assert sorted(opened) == ["inner/more", "more"]


def test_a_result_with_the_size_and_time_of_an_earlier_one_replaces_it(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("AAAA")
    os.utime(tmp_path / "in/a", ns=(10**18, 10**18))
    send(stub.bucket(), tmp_path / "in")
    fetch(stub.bucket(), tmp_path / "out")
    _rewrite_with_its_time(tmp_path / "in/a", "BBBB")
    send(stub.bucket(), tmp_path / "in")
    fetch(stub.bucket(), tmp_path / "out")
    assert (tmp_path / "out/a").read_text() == "BBBB"


def test_a_full_sync_sends_what_somebody_removed(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    del stub.objects[f"{PREFIX}a.txt"]
    stub.store(f"{PREFIX}stray", b"nobody's")
    assert send(stub.bucket(), tmp_path).unchanged
    done = send(stub.bucket(), tmp_path, full=True)
    assert done.sent_files == 1
    assert f"{PREFIX}a.txt" in stub.current()
    assert f"{PREFIX}stray" not in stub.current()


def test_an_unsendable_file_stops_an_input_before_anything_is_sent(stub: StubS3, tmp_path: Path) -> None:
    os.mkfifo(grown(tmp_path) / "pipe")
    with pytest.raises(PathError, match="'pipe' is a named pipe"):
        send(stub.bucket(), tmp_path)
    assert stub.current() == {}


def test_outputs_arrive_without_their_unsendable_files(stub: StubS3, tmp_path: Path) -> None:
    os.mkfifo(grown(tmp_path / "in") / "pipe")
    done = send(stub.bucket(), tmp_path / "in", strict=False)
    assert done.skipped == [Skipped("pipe", "is a named pipe")]
    assert done.files == 10


def test_a_file_that_is_not_stable_yet_keeps_its_old_state(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/log").write_text("first")
    send(stub.bucket(), tmp_path / "in")
    (tmp_path / "in/log").write_text("first and half")
    (tmp_path / "in/new").write_text("ha")

    def never(found: ScannedFile) -> bool:
        return False

    send(stub.bucket(), tmp_path / "in", stable=never)
    fetch(stub.bucket(), tmp_path / "out")
    assert {k: v[0] for k, v in listing(tmp_path / "out").items() if v} == {"log": b"first"}


def test_a_bucket_without_versions_works_too(tmp_path: Path) -> None:
    with StubS3(versioned=False) as stub:
        done = send(stub.bucket(), grown(tmp_path / "in"))
        assert done.manifest_version_id is None
        fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_a_bucket_of_somebody_else_is_refused(stub: StubS3, tmp_path: Path) -> None:
    with pytest.raises(S3Error, match="AccessDenied"):
        send(stub.bucket(owner="999999999999"), grown(tmp_path))
    assert stub.current() == {}


def test_every_request_names_the_expected_owner(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    fetch(stub.bucket(), tmp_path / "out")
    assert {seen.headers.get("x-amz-expected-bucket-owner") for seen in stub.seen} == {"123456789012"}
    assert all("x-amz-checksum-crc32" in seen.headers for seen in stub.seen if seen.method == "PUT")


def test_a_missing_manifest_is_not_an_empty_one(stub: StubS3, tmp_path: Path) -> None:
    with pytest.raises(NoManifestError):
        fetch(stub.bucket(), tmp_path)


def test_a_manifest_that_points_out_of_the_folder_writes_nothing(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    raw = get_object(stub.bucket(), KEY).body.replace(b'"plain.txt"', b'"../escaped"')
    put_object(stub.bucket(), KEY, raw)
    with pytest.raises(PathError, match="escaped"):
        fetch(stub.bucket(), tmp_path / "out")
    assert not (tmp_path / "escaped").exists()


def test_a_pinned_version_that_is_gone_is_said_plainly(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    del stub.objects[f"{PREFIX}plain.txt"]
    with pytest.raises(EngineError, match=r"'plain.txt' is no longer in the bucket"):
        fetch(stub.bucket(), tmp_path / "out")


def test_an_object_that_was_replaced_behind_the_manifest_is_never_delivered(tmp_path: Path) -> None:
    with StubS3(versioned=False) as stub:
        send(stub.bucket(), grown(tmp_path / "in"))
        stub.store(f"{PREFIX}plain.txt", b"nialp")
        with pytest.raises(CorruptError, match="plain"):
            fetch(stub.bucket(), tmp_path / "out")
    assert not (tmp_path / "out/plain.txt").exists()


def test_of_a_file_that_keeps_changing_the_saved_state_stays(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/log").write_text("saved")
    send(stub.bucket(), tmp_path / "in")
    (tmp_path / "in/log").write_text("half of a li")
    states = itertools.count()
    monkeypatch.setattr(files, "shape", lambda status: (status.st_size, next(states)))
    with pytest.raises(PathError, match="'log' keeps changing"):
        send(stub.bucket(), tmp_path / "in")
    done = send(stub.bucket(), tmp_path / "in", strict=False)
    assert ([one.path for one in done.skipped], done.files, done.deleted_files, done.unchanged) == (["log"], 1, 0, True)
    fetch(stub.bucket(), tmp_path / "out")
    assert (tmp_path / "out/log").read_text() == "saved"
