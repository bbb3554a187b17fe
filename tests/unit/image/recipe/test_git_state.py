"""The commit that a project is at, and whether its files differ from it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aws_run.image.recipe.git_state import git_state
from aws_run.image.sources.results import mark
from aws_run.report_file import FIRST_LINE


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_folder_is_clean_until_something_in_it_changes(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "main.py").write_text("1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    head = git(tmp_path, "rev-parse", "HEAD")

    def told() -> tuple[str, bool | None]:
        state = git_state(tmp_path)
        assert state is not None
        return state.commit, state.dirty

    assert told() == (head, False)
    (tmp_path / "a.log").touch()
    assert told() == (head, False)
    (tmp_path / "new.py").touch()
    assert told() == (head, True)
    (tmp_path / "new.py").unlink()
    (tmp_path / "main.py").write_text("2\n")
    assert told() == (head, True)


def test_a_project_in_a_repository_is_judged_by_its_own_files(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text("1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "two" / "main.py").write_text("2\n")
    states = [git_state(tmp_path / name) for name in ("one", "two")]
    assert [state.dirty for state in states if state is not None] == [False, True]


def test_what_an_earlier_run_left_is_no_change_of_the_project(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "main.py").write_text("1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "r.csv").write_text("1\n")
    mark(tmp_path / "a folder", tmp_path)
    (tmp_path / "out.report.html").write_text(f"{FIRST_LINE}\n")

    def dirty() -> bool | None:
        state = git_state(tmp_path)
        return state.dirty if state is not None else None

    assert dirty() is False
    (tmp_path / "mine.report.html").write_text("<!doctype html>\n")
    assert dirty() is True
