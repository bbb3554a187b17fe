"""Pins that will not last: a manifest may name a version that is not current, and the bucket's lifecycle takes it away
weeks later. What is found out in time is sent anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import KEY, PREFIX, fetch, grown, listing, send

from aws_run_entrypoint.transfer import EngineError, Unchecked, files
from aws_run_entrypoint.transfer.http1 import Request, Response
from aws_run_entrypoint.transfer.manifest import entries
from aws_run_entrypoint.transfer.retry import error_of
from aws_run_entrypoint.transfer.versions import current_versions

DAY_S = 86_400.0
AFTER_S = 20 * DAY_S


def pinned(stub: StubS3) -> dict[str, str | None]:
    return {entry.path: entry.version_id for entry in entries(stub.current()[KEY]) if not entry.is_dir}


def current(stub: StubS3) -> dict[str, str | None]:
    latest = {key: held[-1] for key, held in stub.objects.items() if key.startswith(PREFIX)}
    return {key[len(PREFIX) :]: version.version_id for key, version in latest.items() if version}


def sent(stub: StubS3) -> list[str]:
    """What was put since the last look."""
    keys = sorted({seen.key for seen in stub.seen if seen.method in ("PUT", "POST") and seen.key})
    stub.seen.clear()
    return keys


def expire(stub: StubS3) -> None:
    """As NoncurrentVersionExpiration does."""
    for held in stub.objects.values():
        del held[:-1]


def refuse_versions(seen: Seen) -> Fault | None:
    return Fault(how="status", status=403, code="AccessDenied") if "versions" in seen.query else None


def rot(stub: StubS3) -> None:
    """What an interrupt, a second client or its late delete leaves behind."""
    stub.store(f"{PREFIX}plain.txt", b"plain")
    stub.objects[f"{PREFIX}a.txt"].append(None)


def test_a_full_sync_sends_anew_what_is_pinned_but_not_current(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path / "in"))
    rot(stub)
    sent(stub)
    assert send(stub.bucket(), tmp_path / "in").unchanged  # nothing else would notice
    assert send(stub.bucket(), tmp_path / "in", full=True).sent_files == 2
    assert sent(stub) == [KEY, f"{PREFIX}a.txt", f"{PREFIX}plain.txt"]
    assert pinned(stub) == current(stub)
    expire(stub)
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_a_big_file_is_sent_anew_though_its_sum_is_known(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(17 << 20))
    send(stub.bucket(), tmp_path)
    stub.store(f"{PREFIX}big", bytes(17 << 20))
    assert send(stub.bucket(), tmp_path, full=True).sent_files == 1
    assert pinned(stub) == current(stub)


def test_pins_of_an_old_manifest_are_looked_at_and_those_of_a_young_one_are_not(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path), check_pins_after_s=AFTER_S)
    rot(stub)
    stub.ahead_s = 19 * DAY_S
    stub.seen.clear()
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).unchanged
    assert stub.counts() == {"GET": 1}
    stub.ahead_s = 21 * DAY_S
    sent(stub)
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).sent_files == 2
    assert sent(stub) == [KEY, f"{PREFIX}a.txt", f"{PREFIX}plain.txt"]
    assert pinned(stub) == current(stub)
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).unchanged
    assert stub.counts() == {"GET": 1}


def test_an_old_manifest_whose_pins_are_good_is_young_again_and_no_file_is_read(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path), check_pins_after_s=AFTER_S)
    stub.ahead_s = 21 * DAY_S
    sent(stub)
    done = send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S)
    assert (done.sent_files, done.unchanged, done.manifest_version_id) == (0, False, stub.objects[KEY][-1].version_id)  # type: ignore[union-attr]
    assert sent(stub) == [KEY]
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).unchanged
    assert stub.counts() == {"GET": 1}


def test_changes_in_between_do_not_put_the_look_off(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path), check_pins_after_s=AFTER_S)
    rot(stub)
    for day in (7, 14):
        stub.ahead_s = day * DAY_S
        (tmp_path / "new").write_text(str(day))
        assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).sent_files == 1
    stub.ahead_s = 21 * DAY_S
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).sent_files == 2
    stub.ahead_s = 40 * DAY_S  # 19 after the look
    stub.seen.clear()
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).unchanged
    assert stub.counts() == {"GET": 1}


@pytest.mark.parametrize("page", [1, 3])
def test_versions_are_listed_page_by_page(stub: StubS3, tmp_path: Path, page: int) -> None:
    grown(tmp_path)
    for content in ("1", "22", "333"):
        (tmp_path / "sp ace/ü+%&?#'\".txt").write_text(content)
        send(stub.bucket(), tmp_path)
    rot(stub)
    stub.page = page
    assert send(stub.bucket(), tmp_path, full=True).sent_files == 2
    assert pinned(stub) == current(stub)


@pytest.mark.parametrize("marker", ["<NextKeyMarker>k</NextKeyMarker>", ""])
def test_a_listing_that_never_ends_is_an_error(marker: str) -> None:
    body = f"<ListVersionsResult><IsTruncated>true</IsTruncated>{marker}</ListVersionsResult>".encode()

    class Stuck:
        def call(self, request: Request) -> Response:
            answer = Response(200, {}, body)
            assert error_of(request, answer) is None
            return answer

    with pytest.raises(EngineError, match=r"makes no progress|does not give"):
        current_versions(Stuck(), PREFIX, lambda event: None)


def test_in_a_bucket_without_versions_it_is_enough_to_be_there(tmp_path: Path) -> None:
    with StubS3(versioned=False) as stub:
        send(stub.bucket(), grown(tmp_path))
        assert send(stub.bucket(), tmp_path, full=True).unchanged
        del stub.objects[f"{PREFIX}a.txt"]
        assert send(stub.bucket(), tmp_path, full=True).sent_files == 1


def test_an_object_put_while_the_bucket_kept_no_versions_is_not_the_pinned_one(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    stub.store(f"{PREFIX}plain.txt", b"plain").version_id = "null"
    assert send(stub.bucket(), tmp_path, full=True).sent_files == 1
    assert pinned(stub) == current(stub)


def test_who_may_not_list_versions_is_told_and_goes_on(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path), check_pins_after_s=AFTER_S)
    stub.ahead_s = 21 * DAY_S
    stub.script = refuse_versions
    told: list[object] = []
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S, on_event=told.append).unchanged
    assert told == [Unchecked(PREFIX, "AccessDenied")]
    stub.script = lambda seen: None
    rot(stub)
    assert send(stub.bucket(), tmp_path, check_pins_after_s=AFTER_S).sent_files == 2  # it is still to be looked at


def test_a_full_sync_without_the_right_to_list_versions_goes_by_names(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    rot(stub)
    stub.script = refuse_versions
    told: list[object] = []
    assert send(stub.bucket(), tmp_path, full=True, on_event=told.append).sent_files == 1
    assert Unchecked(PREFIX, "AccessDenied") in told
    assert f"{PREFIX}a.txt" in stub.current()


def test_a_file_that_vanishes_before_it_is_sent_anew_is_pinned_no_longer(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stub.bucket(), grown(tmp_path))
    stub.store(f"{PREFIX}plain.txt", b"plain")

    def vanished(full: str, path: str) -> tuple[int, os.stat_result]:
        if path == "plain.txt":
            raise FileNotFoundError(full)
        return real(full, path)

    real = files.open_regular
    monkeypatch.setattr(files, "open_regular", vanished)
    assert [one.path for one in send(stub.bucket(), tmp_path, full=True).skipped] == ["plain.txt"]
    assert "plain.txt" not in pinned(stub)


def test_a_listing_that_fails_otherwise_is_no_missing_right(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    stub.script = lambda seen: (
        Fault(how="status", status=404, code="NoSuchBucket") if "versions" in seen.query else None
    )
    with pytest.raises(Exception, match="NoSuchBucket"):
        send(stub.bucket(), tmp_path, full=True)
