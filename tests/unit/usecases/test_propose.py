"""`aws-run init` on a folder that nobody has prepared: what it writes is what a run without it would use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.unit.image.support import write

from aws_run.cli.commands import init as command
from aws_run.config import load_config, render_yaml
from aws_run.image.plan import plan_image
from aws_run.usecases.propose import survey_project

LONG = """\
import argparse
p = argparse.ArgumentParser()
p.add_argument("--data-dir")
p.add_argument("--output_dir")
p.parse_args()
"""
PROJECT = {
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10,<3.12"\n'
    'dependencies = ["opencv-python>=4", "six"]\n[project.optional-dependencies]\ntrain = ["tqdm"]\n',
    "requirements-dev.txt": "pytest\n",
    "train.py": LONG,
    "data/raw/a.csv": "1\n",
    ".env": "TOKEN=hunter2\nMODE=prod\n",
}


def test_everything_is_proposed_and_the_file_means_what_no_file_means(tmp_path: Path) -> None:
    root = write(tmp_path / "project", PROJECT)
    text = render_yaml(survey_project(root))
    before = plan_image(_config(root), entrypoint_layer=lambda: b"")
    (root / "aws-run.yaml").write_text(text)
    after = plan_image(_config(root), entrypoint_layer=lambda: b"")
    assert (
        (after.command, after.arguments)
        == (before.command, before.arguments)
        == (
            ("python", "train.py"),
            ("--data-dir", "--output_dir"),
        )
    )
    for line in (
        "command: python train.py  # the one",
        '  input: "--data-dir"',
        "input: ./data/raw",
        "# env_file: .env  # would give the job TOKEN, MODE",
        "  dependencies: pyproject.toml  # 2 packages",
        '  python: "3.11"',
        "  # extras: [train]  # the project has train",
        "  apt: [libgl1, libglib2.0-0]  # Debian packages that opencv-python need",
    ):
        assert line in text
    assert "hunter2" not in text


def _config(root: Path) -> object:
    return load_config(root, file=None, flags={}, environ={}, cwd=root, for_run=False)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"main.py": "print(1\n"}, "main.py does not parse"),
        ({"a.py": LONG, "b.py": LONG}, "Several scripts take --data-dir"),
        ({"a.py": LONG, "requirements.txt": "six @ file:///croot/x\n"}, "line 1: six"),
        ({"README": ""}, "There is no Python script"),
    ],
)
def test_what_is_not_clear_stands_in_the_file_with_what_to_do(
    tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    root = write(tmp_path / "project", files)
    survey = survey_project(root)
    assert any(problem.partition(" take ")[0] in each for each in survey.problems)
    text = render_yaml(survey)
    assert problem.partition(" take ")[0] in text
    assert "no list was found" not in text or "requirements.txt" not in files
    (root / "aws-run.yaml").write_text(text)
    _config(root)


def test_a_folder_of_that_name_that_holds_code_is_no_input(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"train.py": LONG, "data/__init__.py": "", "data/loader.py": ""})
    assert survey_project(root).input is None


def test_a_notebook_is_the_command(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "input_dir = 1\noutput_dir = 2"}
    root = write(tmp_path / "project", {"a.ipynb": json.dumps({"cells": [cell]})})
    text = render_yaml(survey_project(root))
    assert "command: a.ipynb  # a.ipynb is executed by papermill" in text


@pytest.mark.parametrize(("key", "handed"), [("y", True), ("n", False), ("", False)])
def test_one_key_hands_the_env_file_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, handed: bool
) -> None:
    root = write(tmp_path / "project", PROJECT)
    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setattr(click, "getchar", lambda: key)
    monkeypatch.setattr(click, "echo", lambda *_, **__: None)
    command.init.callback(path=root, force=False, github=None, repository=None, account=None)  # type: ignore[misc]
    text = (root / "aws-run.yaml").read_text()
    assert ("\nenv_file: .env  # the job gets TOKEN, MODE" in text) is handed


class _Terminal:
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("none of the system's")

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def test_nobody_is_asked_where_there_is_no_terminal(tmp_path: Path) -> None:
    root = write(tmp_path / "project", PROJECT)
    result = CliRunner().invoke(command.init, [str(root)])
    assert result.exit_code == 0
    assert "# env_file: .env" in (root / "aws-run.yaml").read_text()
