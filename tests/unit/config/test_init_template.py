"""The file that `aws-run init` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aws_run.config import Config, ProjectSurvey, load_config, render_yaml, survey_project


def test_what_the_folder_shows_is_written_and_the_rest_is_a_comment(project: Path) -> None:
    (project / "requirements.txt").touch()
    survey = survey_project(project, command=("python", "main.py"), python="3.12")
    assert (
        render_yaml(survey)
        == """\
# aws-run.yaml: how this project runs on AWS. Flags and AWS_RUN_* variables override it.
# Every key: aws-run config schema
version: 1
name: segment
command: python main.py  # -i and -o are appended
input: ./data
output: ./out

# No Dockerfile: aws-run brings its own; dependencies: from requirements.txt.
build:
  python: "3.12"

# backend: auto  # ec2 or fargate; auto: Fargate, unless only EC2 has the hardware
resources:
  cpu: 2
  memory: 4GB
  # gpu: L4:1  # model and number; instances with a GPU
  # disk: 100GB  # default: what image, input and output need
# spot_policy: auto  # spot capacity first: cheaper, may be interrupted

timeout: 2h  # after this the run is stopped and torn down
limits:
  max_cost: 5.00  # USD; the run is stopped before it costs more

# env: {MODE: prod, HF_HOME: null}  # null: the shell's value, with your consent
# secrets: {TOKEN: "arn:aws:secretsmanager:…"}  # read by AWS when the job starts
# exclude: ['*.tmp']  # never sent
"""
    )


def test_a_folder_without_anything_gets_a_file_that_says_what_is_missing(tmp_path: Path) -> None:
    text = render_yaml(survey_project(tmp_path, command=None))
    assert "# command: python main.py  # the script that takes -i and -o; they are appended" in text
    assert "# input: ./data  # or give -i" in text
    assert "dependencies: none" in text


def test_several_scripts_are_named_and_none_is_chosen(tmp_path: Path) -> None:
    text = render_yaml(survey_project(tmp_path, command=None, candidates=("a.py", "my b.py")))
    assert "# Several scripts take -i and -o; choose one:\n#   python a.py\n#   python 'my b.py'\n" in text
    assert load(tmp_path, text).command is None


def test_a_dockerfile_is_used(project: Path) -> None:
    (project / "Dockerfile").touch()
    text = render_yaml(survey_project(project, command=None, python="3.12"))
    assert load(project, text).build.dockerfile == "Dockerfile"
    assert "# command: python main.py  # default: the Dockerfile's own; -i and -o are appended" in text


def load(folder: Path, text: str) -> Config:
    (folder / "aws-run.yaml").write_text(text, encoding="utf-8")
    return load_config(folder, file=None, flags={}, environ={}, cwd=folder, for_run=False)


PRINTABLE = st.characters(exclude_categories=["C"])
WORDS = st.text(PRINTABLE).filter(lambda word: word not in {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"})
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda name: not set(name) & {"/", ":"} and name not in {".", ".."}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(command=["x"], folder="~")
@example(command=["NULL"], folder="null")
@example(command=["'\"\\", "#", ""], folder="a b #'\"")
@given(command=st.lists(WORDS, min_size=1, max_size=4), folder=NAMES)
def test_the_loader_reads_back_any_command_and_folder(tmp_path: Path, command: list[str], folder: str) -> None:
    survey = ProjectSurvey(name="x", command=tuple(command), input=folder, python="3.10")
    config = load(tmp_path, render_yaml(survey))
    assert config.command == tuple(command)
    assert config.input_folders == (tmp_path / folder,)


@pytest.mark.parametrize("name", ["data", "input", "inputs"])
def test_the_usual_names_of_input_folders_are_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert survey_project(tmp_path, command=None).input == name
