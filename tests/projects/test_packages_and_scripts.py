"""A project that is a package is installed, and its script is started as it has to be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aws_run.config import Build
from aws_run.errors import SourceError
from aws_run.image.recipe.git_version import version_from_git

from .support import HEAD, VERSION_OF_SIX, plan_project, run_project, write

BACKEND = '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = f'[project]\nname = "ownjob"\nversion = "3.4"\n{BACKEND}'
ASKS_ITS_VERSION = HEAD + (
    'from importlib.metadata import version\n(args.o / "answer.txt").write_text(version("ownjob"))\n'
)


def git(root: Path, *arguments: str) -> None:
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, env={**os.environ, **settings})


def test_a_package_knows_its_own_version(tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, "src/ownjob/__init__.py": "", "src/ownjob/__main__.py": ASKS_ITS_VERSION}
    ran = run_project(write(tmp_path, files))
    assert ran.answer == "3.4"
    assert "the project itself is installed" in ran.notes
    assert ran.plan.command == ("python", "-m", "ownjob")


def test_a_console_script_of_the_project_runs(tmp_path: Path) -> None:
    body = "".join(f"    {line}\n" if line else "\n" for line in HEAD.splitlines())
    script = f"def main():\n{body}    (args.o / 'answer.txt').write_text('ran')\n"
    files = {
        "pyproject.toml": PROJECT + '[project.scripts]\ntooljob = "ownjob.cli:main"\n',
        "src/ownjob/__init__.py": "",
        "src/ownjob/cli.py": script,
    }
    assert run_project(write(tmp_path, files), command=("tooljob",)).answer == "ran"


def test_a_script_beside_src_imports_the_package_without_docker(tmp_path: Path) -> None:
    script = HEAD + 'import ownjob\n(args.o / "answer.txt").write_text(ownjob.NAME)\n'
    files = {"pyproject.toml": PROJECT, "src/ownjob/__init__.py": 'NAME = "own"\n', "main.py": script}
    ran = run_project(write(tmp_path, files), build_options=Build(install=False))
    assert ran.answer == "own"


def test_a_script_with_relative_imports_runs_as_a_module(tmp_path: Path) -> None:
    script = HEAD + 'from .work import NAME\n(args.o / "answer.txt").write_text(NAME)\n'
    script = script.replace("import argparse", "import argparse\nfrom .work import NAME", 1)
    files = {"trainer/__init__.py": "", "trainer/work.py": 'NAME = "work"\n', "trainer/train.py": script}
    ran = run_project(write(tmp_path, files))
    assert ran.answer == "work"
    assert ran.plan.command == ("python", "-m", "trainer.train")


def test_a_package_that_can_not_be_installed_runs_from_its_folder_and_that_is_told(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[build-system]\nrequires = []\nbuild-backend = "absent"\n',
        "main.py": HEAD + '(args.o / "answer.txt").write_text("ran")\n',
    }
    ran = run_project(write(tmp_path, files))
    assert ran.answer == "ran"
    assert any("could not be installed" in note for note in ran.notes)


@pytest.mark.parametrize(("commits", "version"), [(0, "1.2.3"), (2, "1.2.4.dev2+g")])
def test_a_version_from_git_is_computed_outside_of_the_build(tmp_path: Path, commits: int, version: str) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    git(tmp_path, "tag", "v1.2.3")
    for number in range(commits):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", f"more {number}")
    assert version_from_git(tmp_path).startswith(version)
    git(tmp_path, "tag", "-a", "-m", "annotated", "v2.0")
    git(tmp_path, "pack-refs", "--all")
    assert version_from_git(tmp_path) == "2.0"


def test_a_repository_whose_config_names_a_program_runs_none_of_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    git(tmp_path, "tag", "v1.0")
    (tmp_path / ".git/config").write_text(
        f"[core]\n\tfsmonitor = touch {tmp_path}/ran\n\tpager = touch {tmp_path}/ran\n"
    )
    assert version_from_git(tmp_path) == "1.0"
    assert not (tmp_path / "ran").exists()


LONG = """\
import argparse
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--input-dir", type=pathlib.Path, required=True)
parser.add_argument("--output_dir", type=pathlib.Path, required=True)
args = parser.parse_args()
(args.output_dir / "answer.txt").write_text("long")
"""
POSITIONAL = LONG.replace('"--input-dir"', '"input"').replace('"--output_dir"', '"output"')
POSITIONAL = POSITIONAL.replace(", required=True", "").replace("args.output_dir", "args.output")


@pytest.mark.parametrize(
    ("script", "told"), [(LONG, "by --input-dir and --output_dir"), (POSITIONAL, "without options")]
)
@pytest.mark.parametrize("command", [None, ("python", "main.py")])
def test_the_folders_are_given_by_the_options_that_the_script_declares(
    tmp_path: Path, script: str, told: str, command: tuple[str, ...] | None
) -> None:
    ran = run_project(write(tmp_path, {"main.py": script}), command=command)
    assert ran.answer == "long"
    assert any(told in note for note in ran.notes)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"main.py": VERSION_OF_SIX.replace("required=True)\nargs", "required=True\nargs")},
            "main.py does not parse: line",
        ),
        ({"analysis.ipynb": "{}"}, "analysis.ipynb holds no cells"),
    ],
)
def test_what_is_no_script_is_told_with_its_reason(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(SourceError) as caught:
        plan_project(write(tmp_path, files))
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile", "Containerfile", "DockerFile"])
def test_a_dockerfile_by_any_name_is_used_and_told(tmp_path: Path, name: str) -> None:
    plan = plan_project(write(tmp_path, {name: 'FROM python\nCMD ["python", "main.py"]\n', "main.py": HEAD}))
    assert f"the image is built from the project's {name}" in plan.notes


@pytest.mark.parametrize("name", ["Dockerfile.gpu", "docker/Dockerfile", "app.dockerfile", "docker/Dockerfile-dev"])
def test_a_dockerfile_in_another_place_is_told(tmp_path: Path, name: str) -> None:
    files = {name: "FROM python\n", f"{name}.dockerignore": "x", "main.py": HEAD, ".dockerignore": "y\n"}
    told = f"{name} is not used; --dockerfile {name} does"
    assert told in plan_project(write(tmp_path, files)).notes
    assert told not in plan_project(tmp_path, build=Build(dockerfile="none")).notes


KINDS_OF_DOCKERFILES = {
    "heredocs": "# syntax=docker/dockerfile:1\nFROM python\nRUN <<EOF bash\nCMD x && y\nEOF\n"
    'COPY <<-"END" /etc/x\n\tENTRYPOINT a; b\n\tEND\nCMD ["python", "main.py"]\n',
    "ONBUILD": 'FROM python\nONBUILD CMD cd x && y\nCMD ["python", "main.py"]\n',
    "HEALTHCHECK": 'FROM python\nHEALTHCHECK --interval=5m CMD curl -f http://localhost/ || exit 1\nCMD ["python", "main.py"]\n',
    "SHELL": 'FROM python\nSHELL ["/bin/bash", "-lc"]\nRUN a && b\nCMD ["python", "main.py"]\n',
    "a login shell": 'FROM python\nSHELL ["/bin/bash", "-lc"]\nCMD python main.py\n',
    "arguments before FROM": 'ARG VERSION=3.12\nFROM python:${VERSION} AS base\nFROM base\nCMD ["python", "main.py"]\n',
}


@pytest.mark.parametrize("kind", KINDS_OF_DOCKERFILES)
def test_what_a_dockerfile_may_hold_is_read_for_what_it_is(tmp_path: Path, kind: str) -> None:
    plan = plan_project(write(tmp_path, {"Dockerfile": KINDS_OF_DOCKERFILES[kind], "main.py": HEAD}))
    assert plan.notes[0] == "the image is built from the project's Dockerfile"


def test_a_dotenv_file_is_told(tmp_path: Path) -> None:
    plan = plan_project(write(tmp_path, {"main.py": HEAD, ".env": "MODE=production\n"}))
    assert any("--env-file .env" in note for note in plan.notes)
