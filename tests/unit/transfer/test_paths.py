from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.transfer.errors import PathError
from aws_run_entrypoint.transfer.paths import Root, check_key, check_relative

HOSTILE = ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "a/.", "", "/", "a\0b", "..", "a/..", "\udcff", "a/../b/"]


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_paths_are_refused_by_name(path: str) -> None:
    with pytest.raises(PathError):
        check_relative(path)


@pytest.mark.parametrize("path", ["C:\\x", "a\\..\\b", "a:b", "con", "x/NUL.txt", "a. ", "a?", "x\ty"])
def test_what_windows_can_not_hold_is_refused_there_and_only_there(path: str) -> None:
    assert check_relative(path, windows=False) == path
    with pytest.raises(PathError):
        check_relative(path, windows=True)


@given(
    st.text(min_size=1, max_size=60)
    | st.lists(st.sampled_from(["..", ".", "", "a", "b c", "é"]), max_size=6).map("/".join)
)
def test_no_path_ever_leads_out_of_the_root(path: str) -> None:
    try:
        check_relative(path)
    except PathError:
        return
    whole = os.path.normpath(f"/root/x/{path}")
    assert whole.startswith("/root/x/")


def test_a_link_in_the_target_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(outside)
    root = Root(str(tmp_path / "root"))
    with pytest.raises(PathError, match="through the link 'a'"):
        root.target("a/file")
    assert not list(outside.iterdir())


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(PathError, match="needs a folder where the file 'a' is"):
        Root(str(tmp_path)).target("a/b")


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Root(str(tmp_path / "link")).target("x/y") == str(tmp_path / "real/x/y")


def test_keys_have_at_most_1024_bytes() -> None:
    assert check_key("é" * 512)
    with pytest.raises(PathError, match="longer than the 1024 bytes"):
        check_key("é" * 513)
