"""A folder with a `.git` of somebody else's: nothing that it names is run, and nothing outside of it is sent.

Each canary is a script that leaves a file; what git would have run leaves one (the first test shows that it does).
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.image.support import git, paths, write

from aws_run.errors import SourceError
from aws_run.image.sources import git_view
from aws_run.image.sources.source import read_source

Plant = Callable[[Path, str], None]


class Canary:
    def __init__(self, folder: Path) -> None:
        self.sang = folder / "sang"
        self.script = folder / "canary.sh"
        self.script.write_text(f'#!/bin/sh\necho "$0 $*" >>"{self.sang}"\ncat >/dev/null 2>&1 </dev/null\n')
        self.script.chmod(0o755)


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    (tmp_path / "cage").mkdir()
    return Canary(tmp_path / "cage")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = write(tmp_path / "project", {"main.py": "1", "a.dat": "1", "old.log": "1", ".gitignore": "*.log\n"})
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    write(root, {"new.py": "2", "a.dat": "2", "new.log": "2"})
    return root


EXPECTED = [".gitignore", "a.dat", "main.py", "new.py"]


def fsmonitor(root: Path, script: str) -> None:
    git(root, "config", "core.fsmonitor", script)
    git(root, "config", "core.fsmonitorHookVersion", "2")


def hooks(root: Path, script: str) -> None:
    git(root, "config", "core.hooksPath", str(Path(script).parent / "hooks"))
    for folder in (Path(script).parent / "hooks", root / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in (
            "post-index-change",
            "post-checkout",
            "pre-auto-gc",
            "fsmonitor-watchman",
            "reference-transaction",
        ):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(script)


def filters(root: Path, script: str) -> None:
    for word in ("clean", "smudge", "process"):
        git(root, "config", f"filter.canary.{word}", script)
    git(root, "config", "filter.canary.required", "true")
    git(root, "config", "diff.canary.textconv", script)
    for path in (root / ".gitattributes", root / ".git" / "info" / "attributes"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("* filter=canary diff=canary\n")


def pager_and_aliases(root: Path, script: str) -> None:
    for key in (
        "core.pager",
        "pager.ls-files",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "core.alternateRefsCommand",
    ):
        git(root, "config", key, script)
    for name in ("ls-files", "check-ignore", "status"):
        git(root, "config", f"alias.{name}", f"!{script}")


def include_path(root: Path, script: str) -> None:
    (root / "settings").write_text(f'[core]\n\tfsmonitor = "{script}"\n\tpager = "{script}"\n')
    git(root, "config", "include.path", "../settings")
    git(root, "config", f"includeIf.gitdir:{root}/.path", str(root / "settings"))


def lazy_fetch(root: Path, script: str) -> None:
    git(root, "config", "extensions.partialClone", "origin")
    git(root, "config", "remote.origin.promisor", "true")
    git(root, "config", "remote.origin.url", f"ext::{script} %S")
    git(root, "config", "protocol.ext.allow", "always")


def credentials_and_traces(root: Path, script: str) -> None:
    for key in (
        "credential.helper",
        "gpg.program",
        "uploadpack.packObjectsHook",
        "sequence.editor",
        "trace2.eventTarget",
    ):
        git(root, "config", key, script)


PLANTS = [fsmonitor, hooks, filters, pager_and_aliases, include_path, lazy_fetch, credentials_and_traces]


def test_the_canary_sings_where_git_is_asked_as_it_stands(repository: Path, canary: Canary) -> None:
    fsmonitor(repository, str(canary.script))
    subprocess.run(["git", "ls-files", "--others"], cwd=repository, capture_output=True, check=False)
    assert canary.sang.exists()


@pytest.mark.parametrize("plant", PLANTS)
def test_no_setting_of_the_folder_runs_a_program(repository: Path, canary: Canary, plant: Plant) -> None:
    plant(repository, str(canary.script))
    source = read_source(repository)
    assert set(EXPECTED) <= set(paths(source))
    assert "new.log" not in paths(source)
    assert not canary.sang.exists(), canary.sang.read_text()


@pytest.mark.parametrize("plant", PLANTS)
def test_no_setting_of_a_repository_inside_or_around_runs_a_program(
    repository: Path, canary: Canary, plant: Plant
) -> None:
    inner = write(repository / "lib", {"a.py": "1"})
    git(inner, "init")
    plant(inner, str(canary.script))
    plant(repository, str(canary.script))
    assert "lib/a.py" in paths(read_source(repository))
    assert "a.py" in paths(read_source(inner))
    write(repository, {"deep/er/x.py": "1"})
    assert paths(read_source(repository / "deep")) == ["er/x.py"]
    assert not canary.sang.exists(), canary.sang.read_text()


def test_no_setting_of_a_submodule_runs_a_program(repository: Path, canary: Canary, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"sub.py": "1", "x.log": "1", ".gitignore": "*.log\n"})
    git(other, "init")
    git(other, "add", ".")
    git(other, "commit", "-m", "one")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", str(other), "sub")
    modules = repository / ".git" / "modules" / "sub"
    with (modules / "config").open("a") as out:
        out.write(f'[core]\n\tfsmonitor = "{canary.script}"\n\thooksPath = "{canary.script.parent}"\n')
    assert "sub/sub.py" in paths(read_source(repository))
    assert not canary.sang.exists()


def test_no_file_elsewhere_that_the_folders_configuration_names_is_read(repository: Path, tmp_path: Path) -> None:
    """Even a list of what to ignore: it may be a pipe, or hide what the user sees."""
    (tmp_path / "elsewhere").write_text("new.py\n")
    git(repository, "config", "core.excludesFile", str(tmp_path / "elsewhere"))
    assert "new.py" in paths(read_source(repository))


def test_a_second_work_tree_is_listed_by_its_own_index(repository: Path, canary: Canary, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--detach", str(tmp_path / "second"))
    fsmonitor(repository, str(canary.script))
    write(tmp_path / "second", {"only here.py": "1", "no.log": "1"})
    assert paths(read_source(tmp_path / "second")) == [".gitignore", "a.dat", "main.py", "only here.py"]
    assert not canary.sang.exists()


def test_a_git_file_that_points_elsewhere_runs_nothing_and_sends_nothing_of_there(
    repository: Path, canary: Canary, tmp_path: Path
) -> None:
    elsewhere = write(tmp_path / "elsewhere", {"secret.txt": "s"})
    git(elsewhere, "init")
    git(elsewhere, "add", ".")
    fsmonitor(elsewhere, str(canary.script))
    project = write(tmp_path / "clone", {"main.py": "1", ".git": f"gitdir: {elsewhere}/.git\n"})
    assert paths(read_source(project)) == ["main.py"]
    assert not canary.sang.exists()


def test_another_work_tree_in_the_configuration_is_not_looked_at(repository: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", {"main.py": "s", "secret.txt": "s"})
    git(repository, "config", "core.worktree", str(elsewhere))
    assert paths(read_source(repository)) == EXPECTED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_raises_no_question_and_runs_nothing(repository: Path, canary: Canary) -> None:
    """git refuses it ("dubious ownership") because of what its configuration could do; ours is used instead."""
    fsmonitor(repository, str(canary.script))
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    assert paths(read_source(repository)) == EXPECTED
    assert not canary.sang.exists()


def test_an_index_that_names_files_behind_a_link_sends_none_of_them(repository: Path, tmp_path: Path) -> None:
    """`etc/passwd` in the index and `etc -> /etc` on the disk: git calls the file deleted, and so do we."""
    secrets = write(tmp_path / "secrets", {"key": "s"})
    write(repository, {"sub/key": "1", ".awsrunignore": "/sub\n!/sub/key\n"})
    git(repository, "add", "-f", "sub/key")
    (repository / "sub" / "key").unlink()
    (repository / "sub").rmdir()
    (repository / "sub").symlink_to(secrets)
    (repository / ".git" / "info" / "exclude").write_text("/sub\n")
    assert "sub/key" not in paths(read_source(repository, exclude=["/sub", "!/sub/key"]))


@pytest.mark.parametrize(
    "place", [".gitignore", "deep/.gitignore", ".git/info/exclude", ".git/index", ".git", ".git/config"]
)
def test_a_pipe_in_the_place_of_a_file_of_gits_is_named_and_nobody_waits(
    repository: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_view, "_PATIENCE_S", 0.2)
    write(repository, {"deep/x.py": "1"})
    path = repository / place
    if path.is_dir():
        path.rename(repository / "was-git")
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(SourceError) as caught:
        read_source(repository)
    assert place in caught.value.message or "not a repository" in caught.value.message


def test_a_gitignore_that_keeps_git_busy_is_named_by_line(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_view, "_PATIENCE_S", 0.0)
    (repository / ".gitignore").write_text("ok\n" + "**/" * 40)
    with pytest.raises(SourceError, match=r"\.gitignore:2: more than 32 stars"):
        read_source(repository)


def test_an_interrupt_ends_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that came to us alone: git would go on in a repository of ours that is no longer there."""
    waiting: list[subprocess.Popen[bytes]] = []
    (repository / ".gitignore").unlink()
    os.mkfifo(repository / ".gitignore")  # git waits for a writer

    def interrupted(process: subprocess.Popen[bytes], *_: object) -> None:
        waiting.append(process)
        assert process.poll() is None
        raise KeyboardInterrupt

    monkeypatch.setattr(git_view, "_finished", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_source(repository)
    assert waiting[0].returncode == -signal.SIGKILL


def test_repositories_are_not_followed_into_one_another_without_end(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(12):
        write(folder, {"x.py": "1"})
        git(folder, "init")
        folder = folder / "in"
        folder.mkdir()
    with pytest.raises(SourceError, match="repositories lie in one another"):
        read_source(tmp_path)


def test_the_users_own_excludes_still_hold(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("new.py\n")
    (tmp_path / "gitconfig").write_text(f'[core]\n\texcludesFile = "{tmp_path}/mine"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert "new.py" not in paths(read_source(repository))


def test_variables_of_a_hook_that_runs_us_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    assert paths(read_source(repository)) == EXPECTED


@pytest.mark.parametrize("form", ["split", "sha256", "sparse"])
def test_less_common_forms_of_a_repository_are_read(tmp_path: Path, form: str) -> None:
    root = write(tmp_path / "project", {"main.py": "1", "sub/a.py": "1", "out/b.py": "1"})
    git(root, "init", *(["--object-format=sha256"] if form == "sha256" else []))
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    if form == "split":
        git(root, "update-index", "--split-index")
    if form == "sparse":
        git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "sub")
    expected = ["main.py", "sub/a.py"] if form == "sparse" else ["main.py", "out/b.py", "sub/a.py"]
    assert paths(read_source(root)) == expected
