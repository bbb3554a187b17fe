from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from aws_run_entrypoint.transfer.errors import LinkError, PathError
from aws_run_entrypoint.transfer.scan import scan_folder, sort_key


def names(folder: Path, **kwargs: object) -> list[str]:
    return [found.path for found in scan_folder(str(folder), **kwargs)]  # type: ignore[arg-type]


def test_files_come_sorted_and_empty_folders_are_kept(tmp_path: Path) -> None:
    for name in ["b.txt", "a/z", "a/y/x", "a.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "empty/inner").mkdir(parents=True)
    found = names(tmp_path)
    assert found == ["a/y/x", "a/z", "a.txt", "b.txt", "empty/inner/"]
    assert found == sorted(found, key=sort_key)


def test_excluded_folders_are_not_entered(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "secret/link").symlink_to("/")
    (tmp_path / "keep").write_text("")
    assert names(tmp_path, exclude=lambda path: path == "secret/") == ["keep"]


def test_links_inside_count_as_what_they_point_to(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").write_text("12345")
    (tmp_path / "file").symlink_to("data/x")
    (tmp_path / "folder").symlink_to("data")
    found = {f.path: f.size for f in scan_folder(str(tmp_path))}
    assert found == {"data/x": 5, "file": 5, "folder/x": 5}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def _out(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _beside(path: Path) -> None:
    # Shares the root's name as a prefix: "/tmp/x/root-2" is not below "/tmp/x/root".
    beside = path.parent.with_name(path.parent.name + "-2")
    beside.mkdir()
    path.symlink_to(beside)


def _circle(path: Path) -> None:
    path.symlink_to(".")


def _self(path: Path) -> None:
    path.symlink_to(path.name)


def _nothing(path: Path) -> None:
    path.symlink_to("not-there")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_fifo, "named pipe"),
        (_socket, "socket"),
        (_out, "leaves the folder"),
        (_beside, "leaves the folder"),
        (_circle, "circle"),
        (_self, "link|read"),
        (_nothing, "link to nothing"),
    ],
)
def test_what_can_not_be_sent_is_refused_by_name(tmp_path: Path, make: object, why: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "fine").write_text("")
    make(root / "bad")  # type: ignore[operator]
    with pytest.raises(PathError, match=why) as caught:
        names(root)
    assert caught.value.path == "bad"
    told: list[PathError] = []
    assert names(root, on_refused=told.append) == ["fine"]
    assert [error.path for error in told] == ["bad"]
    assert names(root, exclude=lambda path: path.startswith("bad")) == ["fine"]


def test_names_that_are_no_unicode_are_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).write_text("")
    with pytest.raises(PathError, match="Unicode"):
        names(tmp_path)


def test_part_files_of_ours_are_never_sent(tmp_path: Path) -> None:
    (tmp_path / ".aws-run-part-1").write_text("half")
    (tmp_path / "whole").write_text("")
    assert names(tmp_path) == ["whole"]


def test_folders_may_be_nested_deeper_than_pythons_calls(tmp_path: Path) -> None:
    (tmp_path / "z").write_text("x")
    folders = [Path(f"{tmp_path}{'/a' * depth}") for depth in range(1, 1101)]
    for folder in folders:
        folder.mkdir()
    try:
        assert names(tmp_path) == ["a/" * len(folders), "z"]
    finally:
        for folder in reversed(folders):  # pytest's own clearing up goes down by calls
            folder.rmdir()


def test_a_folder_may_be_seen_twice_through_a_link_but_not_from_inside_itself(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").write_text("")
    (tmp_path / "a/b/up").symlink_to("..")
    (tmp_path / "c").symlink_to("a/b")
    refused: list[PathError] = []
    assert names(tmp_path, on_refused=refused.append) == ["a/b/x", "c/x"]
    assert [error.path for error in refused] == ["a/b/up", "c/up/b"]


def test_links_out_of_the_folder_are_followed_on_request(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "inner").mkdir(parents=True)
    (store / "ab12").write_text("12345")
    (store / "inner/x").write_text("1")
    data = tmp_path / "data"
    data.mkdir()
    (data / "x.csv").symlink_to("../store/ab12")
    (data / "folder").symlink_to(store / "inner")
    (store / "inner/back").symlink_to(data)
    refused: list[str] = []
    found = {
        f.path: f.size
        for f in scan_folder(str(data), follow_links=True, on_refused=lambda error: refused.append(str(error)))
    }
    assert found == {"folder/x": 1, "x.csv": 5}
    assert refused == ["'folder/back' is a link that goes round in a circle"]
    with pytest.raises(LinkError) as caught:
        names(data)
    assert caught.value.leaves


def _ctimes(folder: Path) -> dict[str, int]:
    return {found.path: found.ctime_ns for found in scan_folder(str(folder))}


def _wait_for_a_later_time(tmp_path: Path) -> int:
    """The kernel dates changes by a clock of some milliseconds."""
    probe = tmp_path / "probe"
    probe.touch()
    before = probe.stat().st_ctime_ns
    while True:
        probe.touch()
        os.utime(probe)
        if (now := probe.stat().st_ctime_ns) > before:
            return now


def test_a_folder_that_was_put_in_the_place_of_another_dates_all_that_is_in_it(tmp_path: Path) -> None:
    for name in ("root/a", "next/inner", "root/other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "next/inner/x").write_text("1")
    (tmp_path / "root/other/y").write_text("1")
    now = _wait_for_a_later_time(tmp_path)
    (tmp_path / "root/a").rmdir()
    (tmp_path / "next").rename(tmp_path / "root/a")
    times = _ctimes(tmp_path / "root")
    assert times["a/inner/x"] >= now
    assert times["other/y"] < now  # what lies beside it keeps its own


def test_a_link_that_was_set_anew_dates_what_it_leads_to(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("v1", "v2"):
        (root / name).mkdir(parents=True)
        (root / name / "x").write_text(name)
    now = _wait_for_a_later_time(tmp_path)
    (root / "current").symlink_to("v2")
    (root / "file").symlink_to("v1/x")
    times = _ctimes(root)
    assert times["current/x"] >= now
    assert times["file"] >= now
    assert times["v2/x"] < now
