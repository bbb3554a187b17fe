"""`aws-run init`: what it says fits the file that it has written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws_run.cli import main

SCRIPT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-i')\np.add_argument('-o')\np.parse_args()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main._run(["init", *words], debug=False) == 0
    return capsys.readouterr().err.splitlines()[-1]


def test_with_an_input_in_the_file_nothing_more_is_needed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "data").mkdir()
    (project / "data" / "a").touch()
    assert init(capsys) == "next: aws-run check, then aws-run submit"


def test_without_one_the_input_is_left_to_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(capsys) == "next: aws-run check, then aws-run submit -i DATA"


def test_the_schema_comes_with_the_line_that_names_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, "--schema")
    first = (project / "aws-run.yaml").read_text().splitlines()[0]
    named = project / first.partition("$schema=")[2]
    assert "properties" in json.loads(named.read_text())


def test_no_workflow_is_written_through_a_folder_that_is_a_link_out_of_the_project(
    project: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / ".github").symlink_to(elsewhere)
    words = ["init", "--force", "--github", "org/aws-run@v1", "--repository", "acme/models"]
    assert main._run(words, debug=False) == 2
    assert "is a link that leads out of" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_the_schema_beside_a_file_that_is_there_leaves_it_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "aws-run.yaml").write_text("version: 1\nname: mine\n")
    assert init(capsys, "--schema") == "# yaml-language-server: $schema=.aws-run.schema.json"
    assert (project / "aws-run.yaml").read_text() == "version: 1\nname: mine\n"
    assert "properties" in json.loads((project / ".aws-run.schema.json").read_text())


def test_the_file_advises_nothing_that_would_replace_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys)
    written = (project / "aws-run.yaml").read_text()
    assert "aws-run init --schema" in written
    assert "--force" not in written


@pytest.mark.parametrize("words", [("--force",), ("--force", "--schema")])
def test_a_place_that_can_not_be_written_is_the_users_to_mend(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (project / "aws-run.yaml").mkdir()
    assert main._run(["init", *words], debug=False) == 2
    told = capsys.readouterr().err
    assert "aws-run.yaml can't be written: Is a directory" in told
    assert "itself failed" not in told


def test_a_workflow_that_can_not_be_written_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".github").write_text("a file")
    assert main._run(["init", "--github", "org/aws-run@v1", "--repository", "acme/models"], debug=False) == 2
    assert "aws-run.yml can't be written" in capsys.readouterr().err
