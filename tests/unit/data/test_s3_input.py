"""-i s3://…: what is there now becomes a manifest like a folder's, and nothing is copied."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.transfer.stub import Fault, Seen, StubS3

from aws_run.data import Pinned, keep_pin, pin_input
from aws_run.errors import InterruptedRunError, TransferError, UsageError
from aws_run.events import Event, Notice
from aws_run.s3uri import parse_s3
from aws_run_entrypoint.transfer import manifest as manifests
from aws_run_entrypoint.transfer import pull_manifest
from aws_run_entrypoint.transfer.scan import sort_key

RUN = "p-20260101-000000-abcd"
DENIED = Fault(how="status", status=403, code="AccessDenied")


def look(stub: StubS3, place: str, events: list[Event] | None = None, **more: object) -> Pinned:
    emit = (events if events is not None else list[Event]()).append
    return pin_input(stub.bucket(), parse_s3(f"s3://bucket/{place}"), emit=emit, **more)  # type: ignore[arg-type]


def paths(found: Pinned) -> list[str]:
    return [entry.path for entry in manifests.entries(found.manifest)]


def deny(*names: str) -> Callable[[Seen], Fault | None]:
    return lambda seen: DENIED if any(name in seen.query for name in names) else None


def test_the_current_version_of_each_object_is_pinned(stub: StubS3) -> None:
    stub.store("d/a", b"older")
    now = stub.store("d/a", b"newer!")
    stub.store("d/gone", b"x")
    stub.objects["d/gone"].append(None)
    found = look(stub, "d")
    assert (found.files, found.size_bytes, found.by, found.own, found.single) == (1, 6, "version", True, False)
    entry = next(manifests.entries(found.manifest))
    assert (entry.path, entry.version_id, entry.etag, entry.crc32) == ("a", now.version_id, None, None)
    assert entry.mtime_ns == 1_767_323_045 * 10**9
    head = manifests.header(found.manifest)
    assert head.source == ("bucket", "us-east-1", "d/", "123456789012")


def test_without_versions_the_etag_is_the_pin() -> None:
    with StubS3(versioned=False) as stub:
        now = stub.store("d/a", b"x")
        found = look(stub, "d/")
        assert found.by == "ETag"
        assert next(manifests.entries(found.manifest))[5:] == (None, now.etag)


def test_where_versions_are_not_shown_the_plain_listing_is_taken(stub: StubS3) -> None:
    stub.store("d/a", b"x")
    stub.script = deny("versions")
    assert look(stub, "d").by == "ETag"


@pytest.mark.parametrize("versions", [True, False])
def test_a_listing_of_many_pages_is_whole_and_in_the_manifests_order(stub: StubS3, versions: bool) -> None:
    stub.page = 7
    names = [f"{n % 5}/{n}.x" for n in range(60)] + ["a.b", "a b", "a/b", "ü+%&<>'\""]
    for name in names:
        stub.store(f"d/{name}", b"1")
        stub.store(f"d/{name}", b"2")
    stub.script = deny() if versions else deny("versions")
    assert paths(look(stub, "d")) == sorted(names, key=sort_key)
    assert len([seen for seen in stub.seen if "prefix" in seen.query]) == (19 if versions else 11)


def test_folder_markers_are_folders_and_a_neighbour_is_not_taken(stub: StubS3) -> None:
    for key in ("d/", "d/empty/", "d/a/", "d/a/b", "d2/x", "dx"):
        stub.store(key, b"" if key.endswith("/") else b"x")
    assert paths(look(stub, "d")) == ["a/", "a/b", "empty/"]


@pytest.mark.parametrize(("place", "prefix"), [("x/one.csv", "x/"), ("one.csv", "")])
def test_a_single_object_is_a_folder_with_one_file(stub: StubS3, tmp_path: Path, place: str, prefix: str) -> None:
    stub.store(place, b"1,2")
    stub.store(f"{place}.bak", b"x")
    found = look(stub, place)
    assert (found.single, found.prefix, paths(found)) == (True, place, ["one.csv"])
    source = manifests.header(found.manifest).source
    assert source is not None
    assert source.prefix == prefix
    kept = keep_pin(stub.bucket(), RUN, "one", found)
    assert kept.snapshot_key == f"runs/{RUN}/inputs/one.snapshot.json"
    assert kept.version_id is not None
    pull_manifest(stub.bucket(), kept.snapshot_key, kept.version_id, prefix="no/", elsewhere=True, into=str(tmp_path))
    assert (tmp_path / "one.csv").read_bytes() == b"1,2"


def test_a_whole_bucket_is_an_input(stub: StubS3) -> None:
    stub.store("a", b"x")
    stub.store("b/c", b"x")
    assert paths(look(stub, "")) == ["a", "b/c"]


def test_another_accounts_bucket_is_read_without_naming_an_owner(stub: StubS3) -> None:
    stub.store("d/a", b"x")
    found = pin_input(stub.bucket(owner="111111111111"), parse_s3("s3://bucket/d"), emit=lambda event: None)
    source = manifests.header(found.manifest).source
    assert source is not None
    assert (found.own, source.owner) == (False, None)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["d/../x"], r"the key 'd/\.\./x' can be no file: it is absolute, or holds an empty"),
        (["d//x"], "the key 'd//x' can be no file"),
        (["d/a/./x"], "the key 'd/a/./x' can be no file"),
        (["d/a\0b"], "holds a NUL character"),
        (["d/" + "é" * 128], "holds a name longer than 255 bytes"),
        (["d/x/"], "ends with / and holds bytes"),
        (["d/a", "d/a.b", "d/a b", "d/a/b"], "'d/a' and 'd/a/b' can't be a file and a folder at once"),
        (["d/a", "d/a/"], "'d/a' and 'd/a/' can't be a file and a folder at once|ends with / and holds bytes"),
        ([], "there are no objects"),
    ],
)
def test_a_key_that_can_be_no_file_is_refused_by_name(stub: StubS3, keys: list[str], said: str) -> None:
    for key in keys:
        stub.store(key, b"x")
    with pytest.raises(UsageError, match=said) as caught:
        look(stub, "d")
    assert caught.value.hint


def test_exclude_leaves_out_what_could_be_no_file(stub: StubS3) -> None:
    for key in ("d/ok", "d/a", "d/a/b", "d/x.tmp", "d/../x"):
        stub.store(key, b"x")
    assert paths(look(stub, "d", exclude=["*.tmp", "/a/", "x"])) == ["a", "ok"]
    with pytest.raises(UsageError, match="every object there is left out"):
        look(stub, "d", exclude=["*"])


@pytest.mark.parametrize(
    ("fault", "method", "kind", "said"),
    [
        (Fault(how="status", status=404, code="NoSuchBucket"), "HEAD", UsageError, "there is no bucket bucket"),
        (DENIED, "", TransferError, "these credentials may not list the bucket bucket"),
        (DENIED, "GET", TransferError, "these credentials may not list the bucket bucket"),
        (
            Fault(how="status", status=400, code="BadThing"),
            "GET",
            TransferError,
            "could not be listed: S3 answered 400",
        ),
    ],
)
def test_a_refusal_is_one_sentence(stub: StubS3, fault: Fault, method: str, kind: type[Exception], said: str) -> None:
    stub.store("d/a", b"x")
    stub.script = lambda seen: fault if method in (seen.method, "") else None
    with pytest.raises(kind, match=said):
        look(stub, "d")


def test_a_bucket_in_another_region_is_read_there_and_said(stub: StubS3) -> None:
    stub.store("d/a", b"x")
    events: list[Event] = []
    found = pin_input(stub.bucket(region="eu-west-1"), parse_s3("s3://bucket/d"), emit=events.append)
    assert found.region == "us-east-1"
    said = [event for event in events if isinstance(event, Notice) and event.level == "warning"]
    assert [(notice.text, notice.hint) for notice in said] == [
        (
            "s3://bucket/d lies in us-east-1 and the run in eu-west-1: reading it is slower, and its transfer is charged",
            "--region us-east-1 runs it beside its data",
        )
    ]


def test_credentials_that_may_list_one_prefix_only_are_enough(stub: StubS3) -> None:
    """S3 answers HEAD of a bucket to who may list all of it."""
    stub.store("d/a", b"x")
    stub.script = lambda seen: DENIED if seen.method == "HEAD" else None
    found = look(stub, "d")
    assert (found.files, found.by, found.own) == (1, "version", True)
    others = pin_input(stub.bucket(owner="111111111111"), parse_s3("s3://bucket/d"), emit=lambda event: None)
    assert (others.own, others.by) == (False, "ETag")


def test_versions_that_another_account_shows_but_does_not_give_are_no_pins(stub: StubS3) -> None:
    stub.store("d/a", b"x")
    stub.script = lambda seen: DENIED if "versionId" in seen.query else None
    assert pin_input(stub.bucket(owner="111111111111"), parse_s3("s3://bucket/d"), emit=lambda event: None).by == "ETag"


def test_the_object_of_that_name_is_found_without_reading_all_that_begin_with_it(stub: StubS3) -> None:
    stub.page = 5
    for name in ["one", *(f"one-{n:03}" for n in range(200))]:
        stub.store(name, b"x")
    assert paths(look(stub, "one")) == ["one"]
    assert len([seen for seen in stub.seen if "prefix" in seen.query]) == 2


parts = st.sampled_from(["a", "b", "A", "..", ".", "", "a.b", "a b", "\\", "C:", "é", "e\u0301", "con", "\x7f", "\n"])
keys = st.lists(st.lists(parts, min_size=1, max_size=4).map("/".join), min_size=1, max_size=6, unique=True)


@settings(max_examples=80, deadline=None)
@given(keys)
def test_any_keys_are_carried_right_or_refused_by_name(keys: list[str]) -> None:
    """Whatever is pinned can be written on Linux: every path stays inside, and none is a file and a folder at once."""
    with StubS3() as stub:
        for key in keys:
            stub.store(f"d/{key}", b"" if key.endswith("/") else b"x")
        try:
            found = look(stub, "d")
        except UsageError as error:
            assert "'d/" in error.message or "there are no objects" in error.message or "left out" in error.message  # noqa: PT017
            return
        names = paths(found)
        assert set(names) == {key for key in keys if key}
        files = {name for name in names if not name.endswith("/")}
        assert not [name for name in names for n in range(len(name)) if name[n] == "/" and name[:n] in files]
        assert names == sorted(names, key=sort_key)


def test_an_interrupt_ends_the_listing(stub: StubS3) -> None:
    stub.store("d/a", b"x")
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRunError, match="s3://bucket/d could not be listed: it was cancelled"):
        look(stub, "d", cancel=stop)
