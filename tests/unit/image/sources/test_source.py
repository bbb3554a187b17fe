from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.image.support import git, paths, source_of, write

from aws_run.errors import SourceError
from aws_run.image.sources.results import MARKER, looks_like_a_project, mark
from aws_run.image.sources.source import SourceFile, digest_files, read_chunks, read_source
from aws_run.report_file import FIRST_LINE
from aws_run_entrypoint.transfer.paths import PART_PREFIX


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init")
    return root


def test_git_decides_tracked_and_new_files_go_in_ignored_ones_do_not(repository: Path) -> None:
    write(repository, {".gitignore": "*.log\n/cache/\n", "main.py": "1", "cache/big": "x", "a.log": "x"})
    git(repository, "add", ".gitignore", "main.py")
    git(repository, "commit", "-m", "one")
    write(repository, {"main.py": "2", "new file ü.py": "n"})
    assert paths(read_source(repository)) == [".gitignore", "main.py", "new file ü.py"]


def test_a_file_tracked_although_ignored_goes_in(repository: Path) -> None:
    write(repository, {".gitignore": "*.log\n", "keep.log": "x", "drop.log": "x"})
    git(repository, "add", "-f", "keep.log")
    assert paths(read_source(repository)) == [".gitignore", "keep.log"]


def test_a_tracked_file_that_was_deleted_is_left_out(repository: Path) -> None:
    write(repository, {"main.py": "1", "gone.py": "1"})
    git(repository, "add", ".")
    (repository / "gone.py").unlink()
    assert paths(read_source(repository)) == ["main.py"]


def test_a_project_may_be_a_folder_of_a_repository(repository: Path) -> None:
    write(repository, {".gitignore": "*.log\n", "other/x.py": "1", "sub/main.py": "1", "sub/a.log": "1"})
    assert paths(read_source(repository / "sub")) == ["main.py"]


def test_a_folder_that_the_repository_around_it_ignores_is_walked(repository: Path) -> None:
    write(repository, {".gitignore": "/scratch/\n", "scratch/main.py": "1"})
    assert paths(read_source(repository / "scratch")) == ["main.py"]


def test_a_repository_inside_is_listed_by_its_own_rules(repository: Path) -> None:
    write(repository, {"main.py": "1", "lib/.gitignore": "*.log\n", "lib/a.py": "1", "lib/a.log": "1"})
    git(repository / "lib", "init")
    assert paths(read_source(repository)) == ["lib/.gitignore", "lib/a.py", "main.py"]


def test_git_that_fails_is_told_and_nothing_is_sent(repository: Path) -> None:
    write(repository, {"main.py": "1", ".git/HEAD": "broken"})
    with pytest.raises(SourceError, match="git can't list"):
        read_source(repository)


def test_without_git_the_folder_is_walked(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "1", "pkg/b.py": "1", "pkg/sub/c.txt": "1"})
    assert paths(read_source(tmp_path)) == ["main.py", "pkg/b.py", "pkg/sub/c.txt"]


@pytest.mark.parametrize("with_git", [True, False])
def test_secrets_and_leftovers_never_go_in(tmp_path: Path, with_git: bool) -> None:
    inside = [
        ".env", ".env.local", "pkg/.env", ".aws/credentials", ".netrc", "__pycache__/a.pyc", "pkg/__pycache__/b.pyc",
        ".venv/bin/python", "py312/pyvenv.cfg", "py312/lib/x.py", ".ssh/id_rsa", "pkg/.pypirc",
    ]  # fmt: skip
    write(tmp_path, dict.fromkeys(inside, "secret"))
    write(tmp_path, {"main.py": "1", "environment.py": "1", "pkg/env": "1", ".dockerignore": "!.env\n"})
    if with_git:
        git(tmp_path, "init")
        git(tmp_path, "add", "-f", ".")
    assert paths(read_source(tmp_path)) == [".dockerignore", "environment.py", "main.py", "pkg/env"]


def test_the_runs_own_folders_stay_out_where_they_lie_inside(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "1", "data/in.csv": "1", "data2/keep.csv": "1", "results/out/old.csv": "1"})
    folders = [tmp_path / "data", tmp_path / "results" / "out", tmp_path.parent / "elsewhere"]
    assert paths(read_source(tmp_path, exclude_paths=folders)) == ["data2/keep.csv", "main.py"]


def test_a_project_that_is_its_own_input_still_goes_in(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "1"})
    assert paths(read_source(tmp_path, exclude_paths=[tmp_path, tmp_path.parent])) == ["main.py"]


def test_each_ignore_file_keeps_its_own_rules(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(["a.tmp", "deep/a.tmp", "a.bak", "deep/a.bak", "a.old", "deep/a.old"], "1"))
    write(tmp_path, {".dockerignore": "*.tmp\n", ".awsrunignore": "*.bak\n"})
    found = paths(read_source(tmp_path, exclude=["deep/*.old"]))
    assert found == [".awsrunignore", ".dockerignore", "a.old", "deep/a.tmp"]


def test_a_link_inside_the_project_goes_in_as_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"data/a.txt": "1"})
    (tmp_path / "link").symlink_to("data/a.txt")
    (tmp_path / "folder").symlink_to("data")
    files = {file.path: file for file in read_source(tmp_path).files}
    assert files["link"].link == "data/a.txt"
    assert files["folder"].link == "data"
    assert set(files) == {"data/a.txt", "folder", "link"}


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "../project/main.py", "sub/../../secret", "out/secret"])
def test_a_link_that_leaves_is_refused_by_name(tmp_path: Path, target: str) -> None:
    root = write(tmp_path / "project", {"main.py": "1", "sub/x": "1"})
    write(tmp_path, {"secret": "1"})
    if target.startswith("out/"):
        (root / "out").symlink_to("..")
    (root / "bad link").symlink_to(target)
    with pytest.raises(SourceError, match="bad link" if not target.startswith("out/") else "link") as caught:
        read_source(root)
    assert "outside" in caught.value.message
    assert caught.value.hint is not None


def test_a_link_that_leaves_does_no_harm_where_it_is_ignored(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"main.py": "1", ".awsrunignore": "bad\n"})
    (root / "bad").symlink_to("/etc/passwd")
    assert paths(read_source(root)) == [".awsrunignore", "main.py"]


def test_sockets_and_pipes_are_no_files(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "1"})
    os.mkfifo(tmp_path / "pipe")
    assert paths(read_source(tmp_path)) == ["main.py"]


def test_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        read_source(tmp_path / "absent")


def test_the_digest_is_the_same_wherever_and_whenever_the_files_are(tmp_path: Path) -> None:
    first = source_of(tmp_path / "one", {"main.py": "1", "pkg/a.py": "2", "empty": ""})
    shutil.copytree(first.root, tmp_path / "two", copy_function=shutil.copy)
    os.utime(tmp_path / "two" / "main.py", (1, 1))
    (tmp_path / "two" / "main.py").chmod(0o666)  # another umask
    assert read_source(tmp_path / "two").digest == first.digest


def test_the_digest_sees_contents_names_executable_bits_and_links(tmp_path: Path) -> None:
    digests = [source_of(tmp_path, {"main.py": "1", "a/b": "2"}).digest]

    def look() -> None:
        digests.append(read_source(tmp_path).digest)

    write(tmp_path, {"main.py": "3"})
    look()
    (tmp_path / "main.py").chmod(0o755)
    look()
    (tmp_path / "a" / "b").rename(tmp_path / "a" / "c")
    look()
    (tmp_path / "link").symlink_to("main.py")
    look()
    (tmp_path / "link").unlink()
    write(tmp_path, {"link": "main.py"})
    look()
    assert len(set(digests)) == len(digests)


names = st.text(st.sampled_from("ab0\x01lfx"), min_size=1, max_size=4)
contents = st.text(st.sampled_from("ab0\x00lfx"), max_size=6).map(str.encode)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, contents, max_size=4), st.dictionaries(names, contents, max_size=4))
def test_two_sets_of_files_have_one_digest_only_when_they_are_equal(
    one: dict[str, bytes], two: dict[str, bytes]
) -> None:
    digests = []
    for files in (one, two):
        with tempfile.TemporaryDirectory() as folder:
            root = write(Path(folder), files)
            listed = [SourceFile(path=name, size=len(content)) for name, content in sorted(files.items())]
            digests.append(digest_files(root, listed))
    assert (digests[0] == digests[1]) == (one == two)


@pytest.mark.parametrize("size", [1, 5])
def test_a_file_that_changes_while_it_is_read_is_named(tmp_path: Path, size: int) -> None:
    write(tmp_path, {"log.txt": "abc"})
    with pytest.raises(SourceError, match=r"log\.txt changed"):
        list(read_chunks(tmp_path, SourceFile(path="log.txt", size=size)))


def test_what_vanishes_while_it_is_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.txt changed"):
        list(read_chunks(tmp_path, SourceFile(path="gone.txt", size=3)))


WITH_RESULTS = {"main.py": "1", "out/a.txt": "a", "deep/er/b.txt": "b", "kept/c.txt": "c"}


class TestResultsOfEarlierRuns:
    @pytest.fixture(params=["plain", "git", "tracked"])
    def root(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        root = write(tmp_path / "project", WITH_RESULTS)
        mark(root / "out", root)
        mark(root / "deep" / "er", root)
        if request.param != "plain":
            git(root, "init")
        if request.param == "tracked":
            git(root, "add", ".")
        return root

    def test_they_stay_out_of_the_image_and_of_its_digest(self, root: Path) -> None:
        before = read_source(root)
        assert paths(before) == ["kept/c.txt", "main.py"]
        assert before.results == ("deep/er", "out")
        write(root, {"out/more.txt": "m"})
        assert read_source(root).digest == before.digest

    def test_the_folder_of_this_run_is_not_told_as_an_earlier_one(self, root: Path) -> None:
        assert read_source(root, exclude_paths=[root / "out"]).results == ("deep/er",)

    def test_without_the_marker_the_folder_goes_in(self, root: Path) -> None:
        (root / "out" / MARKER).unlink()
        assert "out/a.txt" in paths(read_source(root))


def test_only_a_folder_inside_the_project_is_marked(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"main.py": "1"})
    outside = write(tmp_path / "out", {"a": "1"})
    for folder in (root, outside, root / "nowhere"):
        mark(folder, root)
    assert [path.name for path in tmp_path.rglob(MARKER)] == []


def test_a_project_is_told_from_any_other_folder(tmp_path: Path) -> None:
    assert looks_like_a_project(write(tmp_path / "a", {"main.py": "1"}))
    assert not looks_like_a_project(write(tmp_path / "b", {"notes.txt": "1"}))


def test_the_marker_is_in_nobodys_input() -> None:
    assert MARKER.startswith(PART_PREFIX)


@pytest.mark.parametrize("with_git", [False, True])
def test_the_report_of_a_run_is_no_source_and_a_page_of_the_project_is(tmp_path: Path, with_git: bool) -> None:
    if with_git:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, {"main.py": "1", "mine.report.html": "<!doctype html>\n"})
    before = read_source(tmp_path)
    write(tmp_path, {"out.report.html": f"{FIRST_LINE}\n1", "deep/out.report.html": f"{FIRST_LINE}\n2"})
    assert read_source(tmp_path) == before
    assert before.paths == {"main.py", "mine.report.html"}
