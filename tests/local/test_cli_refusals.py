"""What can't work is one sentence and a hint, with the right exit code, and nothing is made or nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project, submit


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    """An account whose default VPC is gone."""
    with cloud(tmp_path_factory.mktemp("home"), aws_session, default_vpc=False) as running:
        yield running


def refused(aws: Cloud, code: int, *arguments: object, **environment: str) -> str:
    """What the command said; nothing was made by it."""
    done = aws.run(*arguments, **environment)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert aws.left() == {}
    return done.stderr


def test_an_account_without_a_default_vpc_is_told_how_to_get_one(aws: Cloud, tmp_path: Path) -> None:
    said = refused(aws, 125, *submit(project(tmp_path / "demo"), tmp_path / "out"))
    assert "There is no default VPC in us-east-1" in said
    assert "`aws-run network create`" in said
    assert "--subnets" in said


def test_a_script_that_is_not_there_is_named(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    (folder / "aws-run.yaml").write_text("version: 1\ncommand: python gone.py\n")
    assert "gone.py" in refused(aws, 2, *submit(folder, tmp_path / "out"))


def test_a_folder_without_a_script_is_refused(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    (folder / "main.py").unlink()
    refused(aws, 2, *submit(folder, tmp_path / "out"))


def test_a_wrong_key_is_shown_with_file_line_and_what_was_meant(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    (folder / "aws-run.yaml").write_text("version: 1\nresources:\n  memroy: 16GB\n")
    said = refused(aws, 2, *submit(folder, tmp_path / "out"))
    assert "aws-run.yaml:3" in said
    assert "memroy" in said
    assert "memory" in said


def test_an_input_that_is_not_there_is_named(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    said = refused(aws, 2, "submit", folder, "-i", tmp_path / "nowhere", "-o", tmp_path / "out", "--local")
    assert "nowhere" in said


def test_without_credentials_one_sentence_says_what_to_do(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    bare = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_CONFIG_FILE": "/none",
        "AWS_SHARED_CREDENTIALS_FILE": "/none",
    }
    said = refused(aws, 125, "submit", folder, "-i", folder / "data", "-o", tmp_path / "out", **bare)
    assert "No AWS credentials were found" in said
    assert "--local" in said


def test_a_type_that_does_not_exist_is_refused_with_its_neighbour(aws: Cloud, tmp_path: Path) -> None:
    said = refused(aws, 2, *submit(project(tmp_path / "demo"), tmp_path / "out", "--instance-type", "m6i.lorge"))
    assert "m6i.large" in said


def test_an_error_under_debug_keeps_its_exit_code_and_is_one_object_for_machines(aws: Cloud, tmp_path: Path) -> None:
    done = aws.run(*submit(project(tmp_path / "demo"), tmp_path / "out", "--debug", "--json"))
    assert done.returncode == 125
    assert json.loads(done.stdout)["exit_code"] == 125
    assert "Traceback" in done.stderr
    assert "There is no default VPC" in done.stderr
