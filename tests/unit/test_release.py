"""tools/release on a repository of its own, and what the wheel has to hold."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest
from tests.unit.tools_support import ROOT, tool_module

TODAY = date(2026, 3, 2)
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.3] - 2026-03-01

### Added
- Something.

## [1.2.2] - 2026-01-01
- Else.
"""


class Repository:
    """A checkout of main with a remote, ready to be released as 1.2.3; its tools/build-dist only says that it ran."""

    def __init__(self, folder: Path) -> None:
        self.root, self.remote = folder / "checkout", folder / "remote.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), cwd=folder)
        self.git("clone", "--quiet", str(self.remote), str(self.root), cwd=folder)
        self.git("checkout", "--quiet", "-B", "main")
        self.write("pyproject.toml", 'name = "aws-run"\nversion = "1.2.3"\n')
        self.write("runner/aws_run/__init__.py", '__version__ = "1.2.3"\n')
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("tools/build-dist", '#!/bin/sh\nmkdir -p "$1" && : >"$1/built"\n')
        (self.root / "tools/build-dist").chmod(0o755)
        self.write(".gitignore", "/dist/\n")
        self.commit()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, *, push: bool = True) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        if push:
            self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(["git", *arguments], cwd=cwd or self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def remote_tags(self) -> dict[str, str]:
        """Tag → commit."""
        names = self.git("tag", cwd=self.remote).split()
        return {name: self.git("rev-parse", f"{name}^{{commit}}", cwd=self.remote) for name in names}

    def release(self, *arguments: str) -> int:
        return int(tool_module("release").main(list(arguments), self.root, TODAY))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Without this machine's git settings."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.com")
    return Repository(tmp_path)


def test_a_dry_run_checks_and_builds_and_says_what_it_would_push(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.release("--dry-run", "1.2.3") == 0
    assert (repository.root / "dist/built").is_file()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "would run: git tag --annotate v1.2.3 --message aws-run 1.2.3",
        "would run: git push origin refs/tags/v1.2.3",
    ]
    assert repository.remote_tags() == {}
    assert repository.git("tag") == ""


def test_a_release_tags_what_is_checked_out_and_moves_the_major_tag_afterwards(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    assert repository.release("1.2.3") == 0
    assert repository.remote_tags() == {"v1.2.3": first}
    assert repository.release("--dry-run", "--move-major", "1.2.3") == 0
    assert repository.remote_tags() == {"v1.2.3": first}
    assert repository.release("--move-major", "v1.2.3") == 0
    assert repository.remote_tags() == {"v1.2.3": first, "v1": first}
    repository.write("pyproject.toml", 'version = "1.3.0"\n')
    repository.write("runner/aws_run/__init__.py", '__version__ = "1.3.0"\n')
    repository.write("CHANGELOG.md", CHANGELOG.replace("1.2.3", "1.3.0"))
    second = repository.commit()
    assert repository.release("1.3.0") == 0
    assert repository.release("--move-major", "1.3.0") == 0
    assert repository.remote_tags() == {"v1.2.3": first, "v1.3.0": second, "v1": second}


def test_the_major_tag_goes_to_released_versions_only_and_never_back(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in ("v1.10.0", "v1.9.0", "v2.0.0", "v1.11.0rc1"):
        repository.git("tag", tag)
        repository.git("push", "--quiet", "origin", tag)
    for version, words in {
        "1.2.3": "origin has no tag v1.2.3",
        "1.9.0": "origin has v1.10.0, newer than v1.9.0",
        "1.11.0rc1": "is no final version",
    }.items():
        assert repository.release("--move-major", version) == 1
        assert words in capsys.readouterr().err
    assert "v1" not in repository.remote_tags()
    assert repository.release("--move-major", "1.10.0") == 0
    assert "v1" in repository.remote_tags()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("pyproject.toml", 'version = "1.2.2"\n', "pyproject.toml says version 1.2.2, not 1.2.3"),
        ("runner/aws_run/__init__.py", "", "__init__.py says version nothing, not 1.2.3"),
        ("CHANGELOG.md", CHANGELOG.replace("[1.2.3]", "[1.2.4]"), "begins with Unreleased, 1.2.4"),
        ("CHANGELOG.md", CHANGELOG.replace("## [Unreleased]\n", ""), "put an empty [Unreleased] above"),
        ("CHANGELOG.md", CHANGELOG.replace("ed]\n", "ed]\n- New.\n", 1), "has lines under [Unreleased]"),
        ("CHANGELOG.md", CHANGELOG.replace("- Something.\n", ""), "has nothing under [1.2.3]"),
        ("CHANGELOG.md", CHANGELOG.replace(" - 2026-03-01", ""), "no date: write ## [1.2.3] - 2026-03-02"),
        ("CHANGELOG.md", CHANGELOG.replace("2026-03-01", "2025-03-01"), "dates [1.2.3] 2025-03-01"),
        ("CHANGELOG.md", "", "begins with no section"),
    ],
)
def test_what_is_not_ready_is_refused_in_one_sentence(
    repository: Repository, capsys: pytest.CaptureFixture[str], name: str, text: str, words: str
) -> None:
    repository.write(name, text)
    repository.commit()
    assert repository.release("1.2.3") == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert repository.remote_tags() == {}


def test_a_tree_that_others_can_not_see_is_not_released(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write("new.py", "")
    assert repository.release("1.2.3") == 1
    assert "The tree is not clean (1 files)" in capsys.readouterr().err
    repository.commit(push=False)
    assert repository.release("1.2.3") == 1
    assert "main is not what origin has" in capsys.readouterr().err
    repository.git("push", "--quiet", "origin", "main")
    repository.git("checkout", "--quiet", "-b", "other")
    assert repository.release("1.2.3") == 1
    assert "This is the branch other" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["here", "at the remote"])
def test_a_version_is_never_made_twice(repository: Repository, capsys: pytest.CaptureFixture[str], where: str) -> None:
    repository.git("tag", "v1.2.3")
    if where != "here":
        repository.git("push", "--quiet", "origin", "v1.2.3")
        repository.git("tag", "--delete", "v1.2.3")
    assert repository.release("1.2.3") == 1
    assert "The tag v1.2.3 is there already" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["1.2", "v", "1.2.3-rc1", "01.2.3", "1.2.3 --force"])
def test_a_version_that_is_none_is_refused(
    repository: Repository, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    assert repository.release(version) == 1
    assert "is no version" in capsys.readouterr().err


def test_a_build_that_is_not_whole_is_not_tagged(repository: Repository) -> None:
    repository.write("tools/build-dist", "#!/bin/sh\nexit 1\n")
    repository.commit()
    assert repository.release("1.2.3") == 1
    assert repository.remote_tags() == {}


VERSION = "1.2.3"
INFO = f"aws_run-{VERSION}.dist-info/"
EXPECTED = {name: name.encode() for name in tool_module("check-dist").NEEDED}
WHEEL = {
    **EXPECTED,
    f"{INFO}entry_points.txt": b"[console_scripts]\naws-run = aws_run.cli.main:main\n",
    f"{INFO}METADATA": f"Name: aws-run\nVersion: {VERSION}\n".encode(),
    f"{INFO}licenses/LICENSE": b"",
}


def test_a_whole_wheel_has_nothing_to_complain_about() -> None:
    assert tool_module("check-dist").problems_of_wheel(WHEEL, EXPECTED, VERSION) == []


@pytest.mark.parametrize("name", sorted(WHEEL))
def test_a_wheel_without_one_of_its_files_is_told(name: str) -> None:
    """The recipe's Dockerfile and the container's side are data to a build tool: left out, everything else works."""
    wheel = {other: content for other, content in WHEEL.items() if other != name}
    assert len(tool_module("check-dist").problems_of_wheel(wheel, EXPECTED, VERSION)) == 1


@pytest.mark.parametrize("name", ["aws_run/.env", "tests/x.py", "aws_run/image/Dockerfile"])
def test_a_wheel_with_a_file_that_git_does_not_have_is_told(name: str) -> None:
    problems = tool_module("check-dist").problems_of_wheel({**WHEEL, name: b"other"}, EXPECTED, VERSION)
    assert len(problems) == 1
    assert problems[0].startswith(name)


def test_what_would_be_published_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """A real build of this checkout, without a network, twice: the same wheel."""
    if not (ROOT / ".venv/bin/uv").exists():
        pytest.fail("tools/venv dev makes .venv, with the uv that builds")
    for folder in ("one", "two"):
        command = [str(ROOT / "tools/build-dist"), str(tmp_path / folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert len(one) == 2
    wheel = next(name for name in one if name.endswith(".whl"))
    assert one[wheel] == two[wheel]
