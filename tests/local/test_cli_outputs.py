"""A job that saves nothing: told in every place that tells of a run, and a failure where its outputs are required."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project, submit

ELSEWHERE = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.parse_args()
pathlib.Path("result.csv").write_text("1,2,3,4\\n")
"""
LEFT = "it left result.csv (8 B) in its working directory, which is gone now"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        yield running


def test_results_beside_the_output_folder_are_a_warning_wherever_the_run_is_shown(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "elsewhere", ELSEWHERE)
    done = aws.run(*submit(folder, tmp_path / "out", "--json"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [LEFT in warning for warning in told["warnings"]] == [True]

    status = json.loads(aws.run("status", "--local", "--json", cwd=folder).stdout)
    assert (status["outcome"]["saved_files"], status["warnings"]) == (0, told["warnings"])
    assert status["outcome"]["left_behind"]["named"] == [{"name": "result.csv", "bytes": 8}]
    assert LEFT in aws.run("explain", "--local", cwd=folder).stdout

    (folder / "aws-run.yaml").write_text("outputs: required\n")
    required = aws.run(*submit(folder, tmp_path / "out"))
    assert required.returncode == 125
    assert "`outputs: required`" in required.stderr
    assert LEFT in required.stderr
