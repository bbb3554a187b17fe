from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws_run_entrypoint.job import ContractError, container_environment, job_environment, read_job

ENV = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_RUN_ID": "p-20260101-000000-abcd",
    "AWS_RUN_BUCKET": "bucket",
    "AWS_RUN_BUCKET_OWNER": "123456789012",
    "AWS_RUN_PREFIX": "runs/p-20260101-000000-abcd/",
}

TWICE = '[{"name":"a","into":"a","snapshot_key":"a.snapshot.json"},{"name":"b","into":"a","snapshot_key":"b.snapshot.json"}]'


def test_the_command_is_entrypoint_then_command_then_arguments_then_folders() -> None:
    env = {**ENV, "AWS_RUN_IMAGE_ENTRYPOINT": '["tini","--"]', "AWS_RUN_ARGS": '["--fast"]'}
    assert read_job(env, ["python", "x.py"]).argv == [
        *("tini", "--", "python", "x.py", "--fast"),
        *("-i", "/aws-run/input", "-o", "/aws-run/output"),
    ]
    given = read_job({**env, "AWS_RUN_COMMAND": '["sh","-c","echo $HOME"]'}, ["python", "x.py"])
    assert given.command == ("tini", "--", "sh", "-c", "echo $HOME", "--fast")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["x", "{input}/a.csv", "--to={output}"], ["x", "/w/input/a.csv", "--to=/w/output", "--fast"]),
        (["sh", "-c", "x {input} > {output}/a"], ["sh", "-c", "x /w/input > /w/output/a", "--fast"]),
        # One mark alone is a text of the command's own.
        (["x", "{input}"], ["x", "{input}", "--fast", "-i", "/w/input", "-o", "/w/output"]),
    ],
)
def test_a_command_may_say_itself_where_the_folders_go(command: list[str], expected: list[str]) -> None:
    env = {**ENV, "AWS_RUN_COMMAND": json.dumps(command), "AWS_RUN_ARGS": '["--fast"]', "AWS_RUN_WORK_DIR": "/w"}
    assert read_job(env, []).argv == expected


def test_marks_in_the_users_arguments_stay_as_they_are() -> None:
    env = {**ENV, "AWS_RUN_ARGS": '["{input}{output}"]', "AWS_RUN_WORK_DIR": "/w"}
    assert read_job(env, ["x"]).argv == ["x", "{input}{output}", "-i", "/w/input", "-o", "/w/output"]


@pytest.mark.parametrize(
    ("pair", "folders"),
    [
        (["--in", "--out"], ["--in", "/w/input", "--out", "/w/output"]),
        (["", ""], ["/w/input", "/w/output"]),
        (["data.dir=", "--out="], ["data.dir=/w/input", "--out=/w/output"]),
    ],
)
def test_the_folders_are_given_as_the_script_takes_them(pair: list[str], folders: list[str]) -> None:
    env = {**ENV, "AWS_RUN_ARGUMENTS": json.dumps(pair), "AWS_RUN_WORK_DIR": "/w"}
    assert read_job(env, ["x"]).argv == ["x", *folders]


def test_inputs_have_folders_of_their_own() -> None:
    said = [
        {"name": "data", "snapshot_key": "inputs/p/data.snapshot.json", "version_id": "v1", "into": "data"},
        {"name": "model", "snapshot_key": "inputs/p/model.snapshot.json", "version_id": None, "into": "model"},
    ]
    job = read_job({**ENV, "AWS_RUN_INPUTS": json.dumps(said), "AWS_RUN_WORK_DIR": "/w"}, ["x"])
    assert [job.dir_of(0), job.dir_of(1)] == ["/w/input/data", "/w/input/model"]
    assert [i.prefix for i in job.inputs] == ["inputs/p/data/", "inputs/p/model/"]
    assert job.argv == ["x", "-i", "/w/input", "-o", "/w/output"]


def test_the_only_input_is_what_i_names() -> None:
    said = [{"name": "data", "snapshot_key": "inputs/p/data.snapshot.json", "version_id": "v1"}]
    assert read_job({**ENV, "AWS_RUN_INPUTS": json.dumps(said)}, ["x"]).dir_of(0) == "/aws-run/input"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AWS_RUN_BUCKET": ""}, "AWS_RUN_BUCKET is not set"),
        ({"AWS_REGION": ""}, "AWS_REGION is not set"),
        ({"AWS_RUN_DEADLINE": "soon"}, "AWS_RUN_DEADLINE is not a number"),
        ({"AWS_RUN_COMMAND": "python x.py"}, "AWS_RUN_COMMAND is not JSON"),
        ({"AWS_RUN_ARGS": "[1]"}, "not a JSON list of strings"),
        ({"AWS_RUN_INPUTS": "[1]"}, "can't be read"),
        ({"AWS_RUN_INPUTS": '[{"name":"..","snapshot_key":"a.snapshot.json"}]'}, "not a name of an input"),
        ({"AWS_RUN_INPUTS": '[{"name":"a","into":"..","snapshot_key":"a.snapshot.json"}]'}, "not a name of an input"),
        ({"AWS_RUN_INPUTS": '[{"name":"a","into":"/a","snapshot_key":"a.snapshot.json"}]'}, "not a name of an input"),
        ({"AWS_RUN_INPUTS": TWICE}, "two inputs would be in one folder"),
    ],
)
def test_a_broken_environment_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read_job({**ENV, **change}, ["x"])


def test_without_any_command_there_is_nothing_to_run() -> None:
    with pytest.raises(ContractError, match="no command"):
        read_job(ENV, [])


def test_a_locale_that_python_chose_for_itself_is_not_the_containers(tmp_path: Path) -> None:
    here = {"PATH": "/bin", "LC_CTYPE": "C.UTF-8"}
    (tmp_path / "bare").write_bytes(b"PATH=/bin\0XLC_CTYPE=\0")
    (tmp_path / "set").write_bytes(b"LC_CTYPE=C.UTF-8\0PATH=/bin\0")
    assert container_environment(here, str(tmp_path / "bare")) == {"PATH": "/bin"}
    assert container_environment(here, str(tmp_path / "set")) == here
    assert container_environment(here, str(tmp_path / "absent")) == here


def test_the_job_sees_its_own_environment_and_three_names_of_ours() -> None:
    env = {**ENV, "AWS_RUN_ATTEMPT": "2", "AWS_RUN_CHECKPOINT_PATH": "/c", "MODE": "x", "PATH": "/bin"}
    assert job_environment(env) == {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_RUN_ID": "p-20260101-000000-abcd",
        "AWS_RUN_ATTEMPT": "2",
        "AWS_RUN_CHECKPOINT_PATH": "/c",
        "MODE": "x",
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
    }
