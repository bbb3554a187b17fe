from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given, settings
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


@pytest.mark.parametrize("path", ["NUL .txt", "conin$", "x/COM\u00b9", "lpt9.tar.gz", "a./b", " /a"])
def test_what_windows_takes_for_a_device_or_shortens_is_refused_there(path: str) -> None:
    with pytest.raises(PathError, match="Windows reserves"):
        check_relative(path, windows=True)


letters = st.sampled_from(
    [*"abAB.:\\ /~$", "é", "e\u0301", "É", "ß", "ss", "\u1fd3", "\u0390", "\uac00", "ﬁ", "..", "con", "C:"]
)
odd_paths = st.lists(letters, min_size=1, max_size=8).map("".join)


@given(odd_paths)
def test_what_is_let_through_on_windows_is_a_plain_relative_path_there(path: str) -> None:
    """No drive, no root, no `\\`, and the same components as in the manifest."""
    try:
        check_relative(path, windows=True)
    except PathError:
        return
    there = PureWindowsPath(path)
    assert (there.drive, there.root, there.as_posix()) == ("", "", path.rstrip("/"))
    assert there.parts == tuple(path.rstrip("/").split("/"))


def disk_name(path: str) -> str:
    """What a file system that folds case and normalisation tells names apart by, put otherwise than the code does."""
    lowered = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFC", lowered)


@settings(max_examples=150, deadline=None)
@given(st.lists(odd_paths, min_size=1, max_size=6, unique=True))
def test_where_names_fold_no_path_takes_anothers_place(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Root(folder, folds=True)
        taken: dict[str, str] = {}  # by what the disk would call each file and each folder above it
        for path in paths:
            bare = path.rstrip("/")
            try:
                root.target(path)
            except PathError:
                continue
            parts = bare.split("/")
            for n in range(1, len(parts) + 1):
                upper = "/".join(parts[:n])
                assert taken.setdefault(disk_name(upper), upper) == upper


@given(st.text(st.characters(whitelist_categories=("Ll", "Lu", "Mn", "Nd")), min_size=1, max_size=8))
@example("\u0345\u1ab0")
def test_a_name_and_its_other_spellings_are_one_where_names_fold_and_two_where_not(name: str) -> None:
    # Folded from NFD, as Unicode's canonical caseless match is: U+0345 folds to a letter, and what is sorted behind it moves.
    nfc, nfd = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    forms = {nfc, nfd, nfd.casefold()}
    with tempfile.TemporaryDirectory() as folder:
        for other in sorted(forms - {name}):
            folds, keeps = Root(folder, folds=True), Root(folder, folds=False)
            folds.target(name)
            with pytest.raises(PathError, match="are one name on this file system"):
                folds.target(other)
            assert keeps.target(name) != keeps.target(other)


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
    check_key("é" * 512, "é")
    with pytest.raises(PathError, match="its key would have 1026 bytes"):
        check_key("é" * 513, "é")
