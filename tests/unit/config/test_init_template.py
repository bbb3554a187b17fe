"""The file that `aws-run init` writes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aws_run.config import Config, ProjectSurvey, load_config, render_yaml
from aws_run.config.init_template import SCHEMA_FILE


def test_what_the_folder_shows_is_written_and_the_rest_is_a_comment() -> None:
    survey = ProjectSurvey(
        name="segment",
        command=("python", "train.py"),
        arguments=("--input-dir", "--out="),
        input="data",
        python="3.12",
        dependencies="uv.lock",
        dependencies_title="uv.lock, 14 packages",
        notes=("uv.lock is installed and requirements.txt is not",),
        extras=("train", "dev"),
        apt=("libgl1",),
        apt_for=("opencv-python",),
        installs_itself=True,
        env_names=("MODE",),
    )
    assert (
        render_yaml(survey)
        == """\
# aws-run.yaml: how this project runs on AWS. Flags and AWS_RUN_* variables override it.
# Every key: aws-run config schema; for editors: aws-run init --schema
version: 1
name: segment
command: python train.py  # the one that takes the two folders, which are appended
arguments:  # as it declares them
  input: "--input-dir"
  output: "--out="
input: ./data
output: ./out
# env_file: .env  # would give the job MODE; without it .env stays on this machine

build:  # no Dockerfile: aws-run brings its own
  dependencies: uv.lock  # 14 packages; uv.lock is installed and requirements.txt is not
  python: "3.12"  # what the project asks for, or else the default
  # extras: [train]  # the project has train, dev
  apt: [libgl1]  # Debian packages that opencv-python need
  # install: false  # the project itself is installed: it is a package

# backend: auto  # ec2 or fargate; auto: Fargate, unless only EC2 has the hardware
resources:
  cpu: 2
  memory: 8GB
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


def test_a_command_that_places_the_folders_says_so() -> None:
    text = render_yaml(ProjectSurvey(name="a", command=("python", "a.py", "--train", "{input}", "--to", "{output}")))
    assert "the one that takes the two folders; {input} and {output} stand for them" in text
    assert "arguments:" not in text


def test_a_folder_without_anything_gets_a_file_that_says_what_is_missing(tmp_path: Path) -> None:
    text = render_yaml(ProjectSurvey(name="x", problems=("There is no\nscript",)))
    assert "# There is no?script\n# command: python main.py" in text
    assert "# input: ./data  # or give -i" in text
    assert "# build:\n  # dependencies: requirements.txt  # no list was found" in text
    assert load(tmp_path, text).command is None


def test_a_dockerfile_is_used(project: Path) -> None:
    (project / "Dockerfile").touch()
    text = render_yaml(ProjectSurvey(name="x", dockerfile="Dockerfile"))
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


def test_with_a_schema_beside_it_editors_find_it_at_the_first_line() -> None:
    first = render_yaml(ProjectSurvey(name="x"), schema=SCHEMA_FILE).splitlines()[0]
    assert first == "# yaml-language-server: $schema=.aws-run.schema.json"
