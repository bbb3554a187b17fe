"""Two clients that write one manifest: the condition on each put decides who came first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import KEY, PREFIX, fetch, grown, listing, send
from tests.waiting import PATIENCE_S

from aws_run_entrypoint.transfer import S3Error, get_object, put_object


def test_two_clients_that_change_the_input_at_once_both_end_right(stub: StubS3, tmp_path: Path) -> None:
    for name in ("one", "two"):
        for n in range(20):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"f{n}").write_text(f"{name} {n}")
    barrier = threading.Barrier(2)

    def script(seen: Seen) -> None:
        # Both read the manifest before either writes it.
        if seen.key == KEY and seen.method == "PUT" and len(puts) < 2:
            puts.append(seen.number)
            barrier.wait(PATIENCE_S)

    puts: list[int] = []
    stub.script = script  # type: ignore[assignment]
    versions: dict[str, str | None] = {}

    def client(name: str) -> None:
        versions[name] = send(stub.bucket(), tmp_path / name).manifest_version_id

    threads = [threading.Thread(target=client, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(puts) == 2
    for name in ("one", "two"):
        fetch(stub.bucket(), tmp_path / f"{name}-out", versions[name])
        assert listing(tmp_path / f"{name}-out") == listing(tmp_path / name)


def when_first_put(stub: StubS3, fault: Fault) -> list[dict[str, str]]:
    """The manifest's first PUT meets `fault`; the headers of all its PUTs."""
    puts: list[dict[str, str]] = []

    def script(seen: Seen) -> Fault | None:
        if seen.key != KEY or seen.method != "PUT":
            return None
        puts.append(seen.headers)
        return fault if len(puts) == 1 else None

    stub.script = script
    return puts


CONFLICT_409 = Fault(how="status", status=409, code="ConditionalRequestConflict")


def test_a_put_that_meets_another_under_way_keeps_its_condition(stub: StubS3, tmp_path: Path) -> None:
    send(stub.bucket(), grown(tmp_path))
    (tmp_path / "plain.txt").write_text("other")
    puts = when_first_put(stub, CONFLICT_409)
    send(stub.bucket(), tmp_path)
    assert [("if-match" in headers) for headers in puts] == [True, True]


def test_a_first_manifest_that_meets_another_under_way_keeps_its_condition(stub: StubS3, tmp_path: Path) -> None:
    puts = when_first_put(stub, CONFLICT_409)
    send(stub.bucket(), grown(tmp_path))
    assert [headers.get("if-none-match") for headers in puts] == ["*", "*"]


def test_what_another_client_put_meanwhile_is_not_overwritten_after_a_409(stub: StubS3, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/base").write_text("0")
    send(stub.bucket(), tmp_path / "a")
    (tmp_path / "a/from a").write_text("a")
    (tmp_path / "b/from b").write_text("b")
    puts = 0

    def script(seen: Seen) -> Fault | None:
        nonlocal puts
        if seen.key != KEY or seen.method != "PUT":
            return None
        puts += 1
        if puts == 1:
            return CONFLICT_409
        if puts == 2:  # b's, which was under way, arrives now
            send(stub.bucket(), tmp_path / "b")
        return None

    stub.script = script
    send(stub.bucket(), tmp_path / "a")
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "a")
    assert {key for key in stub.current() if key.startswith(PREFIX)} == {f"{PREFIX}base", f"{PREFIX}from a"}


def test_a_server_that_can_not_tell_is_asked_without_a_condition(stub: StubS3, tmp_path: Path) -> None:
    """Ceph says 412 whatever the ETag is, in buckets with versions."""
    send(stub.bucket(), grown(tmp_path))
    (tmp_path / "plain.txt").write_text("other")
    puts = when_first_put(stub, Fault(how="status", status=412, code="PreconditionFailed"))
    send(stub.bucket(), tmp_path)
    assert [("if-match" in headers) for headers in puts] == [True, False]


def test_conditional_puts_say_who_came_first(stub: StubS3) -> None:
    first = put_object(stub.bucket(), "k", b"1", if_none_match=True)
    with pytest.raises(S3Error) as caught:
        put_object(stub.bucket(), "k", b"2", if_none_match=True)
    assert caught.value.conflict
    put_object(stub.bucket(), "k", b"3", if_match=first.etag)
    assert get_object(stub.bucket(), "k").body == b"3"
    assert get_object(stub.bucket(), "k", version_id=first.version_id).body == b"1"
