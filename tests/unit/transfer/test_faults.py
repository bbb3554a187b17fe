"""What goes wrong on the way, one by one, at each request: the transfer ends right, or says what it could not do."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Fault, Script, Seen, StubS3, once_each
from tests.unit.transfer.trees import KEY, PREFIX, fetch, grown, listing, send

from aws_run_entrypoint.transfer import (
    CorruptError,
    Credentials,
    CredentialSource,
    DiskFullError,
    EngineError,
    NetworkError,
    Retried,
    S3Error,
)
from aws_run_entrypoint.transfer import files as local_files
from aws_run_entrypoint.transfer.http1 import Response
from aws_run_entrypoint.transfer.loop import Loop
from aws_run_entrypoint.transfer.retry import MAX_ATTEMPTS, delay_s, error_of, worth_retrying
from aws_run_entrypoint.transfer.s3_requests import list_page

FAULTS = [
    Fault(how="status", status=500, code="InternalError"),
    Fault(how="status", status=503, code="SlowDown"),
    Fault(how="status", status=503, code="ServiceUnavailable", after=True),
    Fault(how="status", status=400, code="RequestTimeout"),
    Fault(how="reset"),
    Fault(how="reset", after=True),
    Fault(how="truncate"),
    Fault(how="halve"),
    Fault(how="close"),
    Fault(how="chunked"),
    Fault(how="interim"),
    Fault(how="portal", status=200),
    Fault(how="portal", status=302),
    Fault(how="portal", status=404, after=True),
]


def at(number: int, fault: Fault) -> Script:
    return lambda seen: fault if seen.number == number else None


def big(folder: Path) -> Path:
    grown(folder)
    (folder / "big").write_bytes(os.urandom(17 << 20))
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return big(tmp_path_factory.mktemp("source"))


def nothing_half(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.name.startswith(".aws-run-part-")]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda f: f"{f.how}-{f.status}-{f.code}-{'after' if f.after else 'before'}"
)
def test_every_request_may_fail_once_on_the_way_up(source: Path, tmp_path: Path, fault: Fault) -> None:
    with StubS3() as stub:
        stub.script = once_each(fault)
        sent = send(stub.bucket(), source)
        stub.script = lambda seen: None
        fetch(stub.bucket(), tmp_path / "out", sent.manifest_version_id)
        assert listing(tmp_path / "out") == listing(source)
        # An upload whose very name was lost holds no parts, so it costs nothing; the bucket's lifecycle removes it.
        assert [parts for _, parts in stub.uploads.values() if parts] == []


@pytest.mark.parametrize(
    "fault",
    [*FAULTS, Fault(how="corrupt")],
    ids=lambda f: f"{f.how}-{f.status}-{f.code}-{'after' if f.after else 'before'}",
)
def test_every_request_may_fail_once_on_the_way_down(source: Path, tmp_path: Path, fault: Fault) -> None:
    with StubS3() as stub:
        send(stub.bucket(), source)
        # A manifest has no sum of its own that the engine could know beforehand.
        each = once_each(fault)
        stub.script = lambda seen: None if fault.how == "corrupt" and seen.key == KEY else each(seen)
        fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(source)
    assert nothing_half(tmp_path / "out")


@pytest.mark.parametrize("how", ["reset", "truncate", "status"])
def test_a_single_fault_at_any_one_request_changes_nothing(tmp_path: Path, how: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(bytes(17 << 20))
    (tmp_path / "in/small").write_text("x")
    for number in range(1, 9):
        with StubS3() as stub:
            stub.script = at(number, Fault(how=how))
            send(stub.bucket(), tmp_path / "in")
            into = tmp_path / f"{how}-{number}"
            stub.script = at(len(stub.seen) + number, Fault(how=how))
            fetch(stub.bucket(), into)
            assert listing(into) == listing(tmp_path / "in")


def test_a_body_that_stays_corrupt_is_never_delivered(stub: StubS3, source: Path, tmp_path: Path) -> None:
    send(stub.bucket(), source)
    stub.script = lambda seen: Fault(how="corrupt") if seen.key == f"{PREFIX}big" else None
    with pytest.raises(CorruptError, match="'big'"):
        fetch(stub.bucket(), tmp_path / "out")
    assert not (tmp_path / "out/big").exists()
    assert nothing_half(tmp_path / "out")


def test_a_server_that_never_recovers_is_an_error_with_its_own_words(stub: StubS3, tmp_path: Path) -> None:
    stub.script = lambda seen: Fault(how="status", status=503, code="SlowDown")
    told: list[object] = []
    with pytest.raises(S3Error, match="SlowDown"):
        send(stub.bucket(), grown(tmp_path), on_event=told.append)
    assert len([e for e in told if isinstance(e, Retried)]) == MAX_ATTEMPTS - 1


def test_nobody_listening_is_a_network_error_that_names_the_host(tmp_path: Path) -> None:
    with StubS3() as stub:
        bucket = stub.bucket()
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1"):
        send(bucket, grown(tmp_path))


def test_a_failed_upload_leaves_no_parts_behind(stub: StubS3, source: Path) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.query.get("partNumber") == "2" else None
    )
    with pytest.raises(S3Error, match="AccessDenied"):
        send(stub.bucket(), source)
    assert stub.uploads == {}
    assert KEY not in stub.current()


def test_a_completion_whose_answer_is_lost_counts(stub: StubS3, source: Path, tmp_path: Path) -> None:
    lost = once_each(Fault(how="reset", after=True))
    stub.script = lambda seen: lost(seen) if seen.method == "POST" and "uploadId" in seen.query else None
    send(stub.bucket(), source)
    assert any(seen.method == "HEAD" for seen in stub.seen)
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(source)


@pytest.mark.parametrize("sums", [True, False])
def test_under_kms_a_lost_completion_is_known_by_its_sum(source: Path, tmp_path: Path, sums: bool) -> None:
    with StubS3(kms=True, sums=sums) as stub:
        lost = once_each(Fault(how="reset", after=True))
        stub.script = lambda seen: lost(seen) if seen.method == "POST" and "uploadId" in seen.query else None
        if not sums:
            with pytest.raises(S3Error, match="NoSuchUpload"):
                send(stub.bucket(), source)
            return
        send(stub.bucket(), source)
        fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(source)


def test_another_object_of_the_same_name_is_no_lost_completion(stub: StubS3, source: Path) -> None:
    stub.sums = True
    stub.store(f"{PREFIX}big", b"another")
    stub.script = lambda seen: (
        Fault(how="status", status=404, code="NoSuchUpload")
        if seen.method == "POST" and "uploadId" in seen.query
        else None
    )
    with pytest.raises(S3Error, match="NoSuchUpload"):
        send(stub.bucket(), source)


def test_an_error_inside_a_200_is_an_error(stub: StubS3, source: Path) -> None:
    failed = once_each(Fault(how="error-in-200"))
    stub.script = lambda seen: failed(seen) if seen.method == "POST" and "uploadId" in seen.query else None
    done = send(stub.bucket(), source)
    assert done.retries == 1
    assert f"{PREFIX}big" in stub.current()


class Expiring(CredentialSource):
    """Gives the next token each time the last one was called invalid."""

    def __init__(self) -> None:
        self.number = 0

    def get(self) -> Credentials:
        return Credentials("key", "secret", f"token-{self.number}")

    def invalidate(self) -> None:
        self.number += 1


def test_credentials_that_expire_on_the_way_are_fetched_again(stub: StubS3, source: Path) -> None:
    held = Expiring()

    def script(seen: Seen) -> Fault | None:
        if seen.number > 5 and seen.headers["x-amz-security-token"] == "token-0":
            return Fault(how="status", status=400, code="ExpiredToken")
        return None

    stub.script = script
    send(stub.bucket(credentials=held), source)
    assert held.number >= 1
    assert KEY in stub.current()


def test_a_clock_that_is_off_is_corrected_by_the_servers(stub: StubS3) -> None:
    stub.script = at(1, Fault(how="status", status=403, code="RequestTimeTooSkewed"))
    stub.store("k", b"x")
    with Loop(stub.bucket()) as loop:
        from aws_run_entrypoint.transfer import s3_requests

        loop._server.signer.offset_s = -7200
        assert loop.call(s3_requests.get("k")).body == b"x"
        assert abs(loop._server.signer.offset_s) < 5


@pytest.fixture
def summer_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_servers_time_is_read_right_where_clocks_are_put_forward(stub: StubS3, summer_in_berlin: None) -> None:
    july = 1_784_116_800
    with Loop(stub.bucket()) as loop:
        loop._server.correct_clock(Response(403, {"date": "Wed, 15 Jul 2026 12:00:00 GMT"}, b""))
        assert abs(loop._server.signer.offset_s + time.time() - july) < 5
        loop._server.correct_clock(Response(403, {"date": "about noon"}, b""))
        assert abs(loop._server.signer.offset_s + time.time() - july) < 5


def test_another_region_is_followed(stub: StubS3, tmp_path: Path) -> None:
    def script(seen: Seen) -> Fault | None:
        if "/us-east-1/" in seen.headers["authorization"]:
            return Fault(
                how="status", status=301, code="PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-1"}
            )
        return None

    stub.script = script
    send(stub.bucket(), grown(tmp_path))
    assert KEY in stub.current()


def test_another_host_is_followed(tmp_path: Path) -> None:
    with StubS3() as there, StubS3() as here:
        here.script = lambda seen: Fault(
            how="status", status=307, code="TemporaryRedirect", headers={"Location": f"{there.url}/bucket/x"}
        )
        send(here.bucket(), grown(tmp_path))
        assert KEY in there.current()
        assert here.current() == {}


def test_a_full_disk_is_named_and_leaves_nothing_half(
    stub: StubS3, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stub.bucket(), source)

    def full(fd: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local_files, "_allocate", full)
    with pytest.raises(DiskFullError, match=r"'big' \(17825792 bytes\) does not fit"):
        fetch(stub.bucket(), tmp_path / "out")
    assert nothing_half(tmp_path / "out")
    assert not (tmp_path / "out/big").exists()


def when_first_asked(stub: StubS3, act: Callable[[], object]) -> None:
    """After the scan, before the first file goes: the manifest's GET comes before the scan."""
    done: list[object] = []

    def script(seen: Seen) -> None:
        if seen.method == "PUT" and not done:
            done.append(act())

    stub.script = script  # type: ignore[assignment]


def test_a_file_that_vanishes_is_left_out_and_the_rest_arrives(stub: StubS3, tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"f{n:03}").write_text("x")
    when_first_asked(stub, (tmp_path / "f099").unlink)
    done = send(stub.bucket(), tmp_path)
    assert [(one.path, one.why) for one in done.skipped] == [("f099", "vanished while the folder was read")]
    assert done.files == 99
    assert f"{PREFIX}f099" not in stub.current()


def test_a_file_that_grows_while_it_is_read_is_sent_as_one_state(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    log = tmp_path / "in/log"
    log.write_bytes(bytes(17 << 20))
    grew: list[int] = []

    def script(seen: Seen) -> None:
        if seen.query.get("partNumber") == "1" and not grew:
            with log.open("ab", buffering=0) as file:
                grew.append(file.write(b"1" * (1 << 20)))

    stub.script = script  # type: ignore[assignment]
    send(stub.bucket(), tmp_path / "in")
    bodies = {version.body for version in stub.objects[f"{PREFIX}log"] if version}
    assert bodies == {bytes(17 << 20) + b"1" * (1 << 20)}
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_helper_processes_move_big_files_both_ways(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_run_entrypoint.transfer.process_pool.WORTH_BYTES", 1)
    monkeypatch.setattr("aws_run_entrypoint.transfer.pull.WORTH_BYTES", 1)
    source = big(tmp_path / "in")
    stub.script = once_each(Fault(how="reset"))
    done = send(stub.bucket(), source, helpers=2)
    assert done.retries > 0
    fetch(stub.bucket(), tmp_path / "out", helpers=2)
    assert listing(tmp_path / "out") == listing(source)
    stub.uploads.clear()
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.query.get("partNumber") == "2" else None
    )
    os.utime(source / "big")
    (source / "big").write_bytes(os.urandom(18 << 20))
    with pytest.raises(S3Error, match="AccessDenied") as caught:
        send(stub.bucket(), source, helpers=2)
    assert caught.value.code == "AccessDenied"
    assert stub.uploads == {}
    stub.script = lambda seen: Fault(how="corrupt") if "range" in seen.headers else None
    with pytest.raises(CorruptError):
        fetch(stub.bucket(), tmp_path / "out2", helpers=2)
    assert nothing_half(tmp_path / "out2")


def test_a_listener_that_raises_ends_the_transfer(stub: StubS3, tmp_path: Path) -> None:
    def stop(event: object) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        send(stub.bucket(), grown(tmp_path), on_event=stop)


def test_a_broken_manifest_is_refused_on_the_way_down_and_replaced_on_the_way_up(stub: StubS3, tmp_path: Path) -> None:
    stub.store(KEY, b'{"version":1')
    with pytest.raises(EngineError, match="not a manifest"):
        fetch(stub.bucket(), tmp_path / "out")
    send(stub.bucket(), grown(tmp_path / "in"))
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")


def test_waits_double_up_to_a_bound_and_are_spread_over_all_of_it() -> None:
    assert delay_s(3, 0.0) == 0.0
    assert delay_s(2, 1.0) == 2 * delay_s(1, 1.0) or delay_s(1, 1.0) >= 0.01
    assert delay_s(50, 1.0) == delay_s(60, 1.0)


@pytest.mark.parametrize("page", [b"<html><body>Moved</body></html>", b"<ListBucketResult>", b""])
def test_a_document_that_is_another_one_is_asked_for_again(page: bytes) -> None:
    request, answer = list_page(PREFIX, versions=False, marker={}), Response(200, {}, page)
    error = error_of(request, answer)
    assert error is not None
    assert worth_retrying(error)
    assert str(error).startswith("S3 answered 200 to GET '/': DamagedAnswer: it is ")
    assert answer.xml is None
