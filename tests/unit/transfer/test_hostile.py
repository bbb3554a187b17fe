"""Names and trees that nobody expects: carried right, or refused by name; never followed out of the folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, PREFIX, fetch, listing, send

from aws_run_entrypoint.transfer import Entry, PathError, put_object
from aws_run_entrypoint.transfer import manifest as manifests
from aws_run_entrypoint.transfer.paths import Root

names = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\0"), min_size=1, max_size=12),
    st.sampled_from(
        ["a", "A", "a.b", "a b", "..a", "a..", "-rf", "~", "*", "%2e%2e", "&amp;", "<x>", "\\", "c:", "con", " "]
    ),
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200 and not name.startswith(".aws-run-part-"))
bodies = st.binary(max_size=40)
Tree = dict[str, "bytes | Tree"]
trees = st.recursive(
    st.dictionaries(names, bodies, max_size=4),
    lambda inner: st.dictionaries(names, st.one_of(bodies, inner), max_size=4),
    max_leaves=12,
)
quiet = settings(  # how many examples: the profile's, as of all others
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def grow(folder: Path, tree: Tree) -> None:
    folder.mkdir(exist_ok=True)
    for name, what in tree.items():
        if isinstance(what, bytes):
            (folder / name).write_bytes(what)
        else:
            grow(folder / name, what)


@quiet
@given(trees)
def test_any_tree_comes_back_as_it_was(stub: StubS3, tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        grow(source, tree)
        sent = send(stub.bucket(), source)
        fetch(stub.bucket(), Path(folder, "out"), sent.manifest_version_id)
        assert listing(Path(folder, "out")) == listing(source)
        assert {key for key in stub.current() if key.startswith(PREFIX)} == {
            f"{PREFIX}{name}" for name, found in listing(source).items() if found
        }


def test_names_that_differ_by_case_or_normalisation_alone_arrive_as_two(stub: StubS3, tmp_path: Path) -> None:
    source = tmp_path / "in"
    tree: Tree = {"é": b"1", "e\u0301": b"2", "A": {"x": b"3"}, "a": {"x": b"4"}, "a\\b": b"5", "C:x": b"6"}
    grow(source, tree)
    if len(list(source.iterdir())) < len(tree):
        pytest.skip("this file system folds names")
    sent = send(stub.bucket(), source)
    fetch(stub.bucket(), tmp_path / "out", sent.manifest_version_id)
    assert listing(tmp_path / "out") == listing(source)
    assert len(stub.current()) == 7


parts = st.one_of(st.sampled_from(["..", ".", "", "a", "link", "file"]), names)


def folder_with_a_way_out(stub: StubS3, top: Path, path: str) -> None:
    """`top` gets the folder `into`, with a link in it to `outside` beside it; the bucket a manifest that names `path`."""
    (top / "outside").mkdir()
    (top / "into").mkdir()
    (top / "into/link").symlink_to(top / "outside")
    (top / "into/file").write_bytes(b"here")
    stub.store(f"{PREFIX}{path}", b"x")
    put_object(stub.bucket(), KEY, manifests.from_entries([Entry(path, 1, 1, 0o644, 0x8CDC1683, None)]))


@quiet
@given(st.lists(parts, min_size=1, max_size=5).map("/".join))
def test_no_manifest_writes_outside_its_folder(stub: StubS3, path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        folder_with_a_way_out(stub, top, path)
        with contextlib.suppress(PathError):
            fetch(stub.bucket(), top / "into")
        assert sorted(p.name for p in top.iterdir()) == ["into", "outside"]
        assert list((top / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "a/../b", "..", ".", "./x", "/x", "a//b", "link/x", "link/deep/x", "file/x", "a\0b"]
)
def test_a_path_that_leads_elsewhere_is_refused_by_name(stub: StubS3, tmp_path: Path, path: str) -> None:
    folder_with_a_way_out(stub, tmp_path, path)
    with pytest.raises(PathError):
        fetch(stub.bucket(), tmp_path / "into")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["into", "outside"]
    assert list((tmp_path / "outside").iterdir()) == []
    assert sorted(each.name for each in (tmp_path / "into").iterdir() if not each.is_dir()) == ["file"]


def test_a_file_replaces_a_link_instead_of_being_written_through_it(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("from the run")
    send(stub.bucket(), tmp_path / "in")
    (tmp_path / "victim").write_text("safe")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "victim")
    fetch(stub.bucket(), tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "safe"
    assert (tmp_path / "out/a").read_text() == "from the run"
    assert not (tmp_path / "out/a").is_symlink()


def test_a_link_in_place_of_a_part_file_is_not_written_through(stub: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("x")
    send(stub.bucket(), tmp_path / "in")
    fetch(stub.bucket(), tmp_path / "first")
    from aws_run_entrypoint.transfer.files import PartFile

    part = PartFile(str(tmp_path / "out-a"), Entry("a", 1, 1, 0o644, 0, None))
    name = Path(part.part).name
    part.discard()
    (tmp_path / "victim").write_text("safe")
    (tmp_path / name).symlink_to(tmp_path / "victim")
    again = PartFile(str(tmp_path / "out-a"), Entry("a", 1, 1, 0o644, 0, None))
    again.write_all(b"x")
    again.commit()
    assert (tmp_path / "victim").read_text() == "safe"


def test_a_path_of_1024_bytes_goes_and_one_more_is_refused(stub: StubS3, tmp_path: Path) -> None:
    room = 1024 - len(PREFIX)
    deep = "/".join(["d" * 100] * 9)
    name = "f" * (room - len(deep) - 1)
    folder = tmp_path / "in" / deep
    folder.mkdir(parents=True)
    (folder / name).write_text("x")
    send(stub.bucket(), tmp_path / "in")
    fetch(stub.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")
    (folder / name).rename(folder / f"{name}f")
    with pytest.raises(PathError, match="its key would have 1025 bytes"):
        send(stub.bucket(), tmp_path / "in")


@pytest.mark.parametrize(("one", "two"), [("a", "A"), ("x/é", "x/e\u0301"), ("Dir/a", "dir/b")])
def test_names_that_differ_only_by_case_are_refused_where_they_would_collide(
    tmp_path: Path, one: str, two: str
) -> None:
    root = Root(str(tmp_path), folds=True)
    root.target(one)
    with pytest.raises(PathError, match="are one name on this file system"):
        root.target(two)
    Root(str(tmp_path), folds=False).target(two)


def test_this_file_system_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "probe").touch()
    folds = (tmp_path / "PROBE").exists()
    root = Root(str(tmp_path))
    root.target("a")
    if folds:
        with pytest.raises(PathError):
            root.target("A")
    else:
        assert root.target("A") != root.target("a")
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


def test_unreadable_files_are_named_and_outputs_go_on_without_them(stub: StubS3) -> None:
    """As an ordinary user: root reads everything."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "in")
        root.mkdir()
        (root / "fine").write_text("x")
        (root / "secret").write_text("x")
        (root / "secret").chmod(0)
        Path(folder).chmod(0o755)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(PathError, match=r"'secret' can't be read \(Permission denied\)"):
                send(stub.bucket(), root)
            done = send(stub.bucket(), root, strict=False)
        finally:
            os.seteuid(was)
        assert [(one.path, one.why) for one in done.skipped] == [("secret", "can't be read (Permission denied)")]
        assert done.files == 1
