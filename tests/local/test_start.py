"""`submit --save-spec` and `start`: a stored job runs from an empty folder, without its project and without Docker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project

from aws_run.image.sources.results import MARKER

DATA = "data-of-a-start"
_NUMBERS = count()
SCRIPT = """
import argparse, os, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("--factor")
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
options = parser.parse_args()
shutil.copytree(options.i, options.o, dirs_exist_ok=True)
pathlib.Path(options.o, "mode.txt").write_text(f"{os.environ['MODE']} {options.factor}")
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        running.client("s3").create_bucket(Bucket=DATA)
        running.client("s3").put_object(Bucket=DATA, Key="set/b.txt", Body=b"first")
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


Saved = tuple[Path, dict[str, Any], dict[str, str]]


def saved(aws: Cloud, folder: Path, *arguments: object) -> Saved:
    """The spec's file, what the submit told as JSON, and its outputs."""
    spec, out = folder / "spec.json", folder / "out"
    done = aws.run(
        "submit", project(folder / "job", SCRIPT), *arguments, "-o", out, "--env", "MODE=fast", "--save-spec", spec,
        "--local", "--json", "--", "--factor", "3",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"the job spec is in {spec}; it holds the values of MODE, so only you may read it" in done.stderr
    return spec, json.loads(done.stdout), tree(out)


@pytest.fixture(scope="module")
def saved_once(aws: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """As `saved`, one for all tests that only read it."""
    folder = tmp_path_factory.mktemp("saved")
    return saved(aws, folder, "-i", folder / "job" / "data")


def without_a_container_engine() -> dict[str, str]:
    return {"PATH": "", "DOCKER_HOST": "unix:///nothing"}


def test_a_stored_job_runs_again_with_its_image_its_inputs_and_its_values(
    aws: Cloud, tmp_path: Path, empty: Path
) -> None:
    spec, first, outputs = saved(aws, tmp_path, "-i", tmp_path / "job" / "data")
    assert spec.stat().st_mode & 0o777 == 0o600
    stored = json.loads(spec.read_text())
    assert "@sha256:" in stored["image"]
    assert str(tmp_path) not in spec.read_text()
    (tmp_path / "job" / "data" / "a.txt").write_text("changed since")
    assert aws.run("submit", tmp_path / "job", "-i", tmp_path / "job" / "data", "-o", tmp_path / "other", "--local",
                   "--env", "MODE=x").returncode == 0  # fmt: skip

    before = len(aws.sent)
    done = aws.run("start", spec, "-o", empty / "out", "--local", "--json", cwd=empty, **without_a_container_engine())
    assert done.returncode == 0, done.stderr
    assert tree(empty / "out") == outputs, "the input as the first submit sent it, and not as it is now"
    assert outputs["mode.txt"] == "fast 3"
    told = json.loads(done.stdout)
    assert told["run_id"] != first["run_id"]
    ended = ("exit_code", "sentence", "headline")
    assert {key: told.get(key) for key in ended} == {key: first.get(key) for key in ended}
    assert not [name for name in aws.names_sent(before) if name.startswith(("ecr:Put", "ecr:GetAuth"))]
    assert aws.left("job-") == {}


def test_a_detached_start_is_followed_by_the_other_commands(aws: Cloud, saved_once: Saved, empty: Path) -> None:
    spec, _, outputs = saved_once
    done = aws.run("start", spec, "--detach", "--local", "--json", "--label", "lr=0.1", "--note", "again", cwd=empty)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["ran"], told["labels"], told["note"]) == (["python", "main.py", "--factor", "3"], ["lr=0.1"], "again")
    assert "@" in told["image"]
    run_id = told["run_id"]
    assert aws.run("wait", run_id, "--local", cwd=empty).returncode == 0
    assert aws.run("pull", run_id, "-o", empty / "out", "--local", cwd=empty).returncode == 0
    assert tree(empty / "out") == outputs


def test_a_run_is_run_again_with_another_argument_and_the_two_are_compared(
    aws: Cloud, saved_once: Saved, empty: Path
) -> None:
    _, first, outputs = saved_once
    assert (first["ran"], first["kept_days"]) == (["python", "main.py", "--factor", "3"], 90)
    again = aws.run("rerun", first["run_id"], "-o", empty / "out", "--env", "MODE=fast", "--local", "--json", "--",
                    "--factor", "4", cwd=empty)  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert tree(empty / "out") == {**outputs, "mode.txt": "fast 4"}
    told = json.loads(again.stdout)
    compared = json.loads(aws.run("diff", first["run_id"], told["run_id"], "--local", "--json", cwd=empty).stdout)
    assert (compared["one"], compared["other"]) == (first["run_id"], told["run_id"])
    rows = {row["what"]: (row["one"], row["other"]) for row in compared["differences"]}
    assert rows["command"] == ("python main.py --factor 3", "python main.py --factor 4")
    assert not {"image", "inputs", "commit"} & rows.keys()
    assert [(one["path"], one["what"]) for one in compared["outputs"]] == [("mode.txt", "changed")]


def test_a_run_of_an_image_that_a_tag_names_is_run_again_by_its_digest(
    aws: Cloud, saved_once: Saved, tmp_path: Path, empty: Path
) -> None:
    _, first, outputs = saved_once
    by_digest = json.loads(aws.text(f"runs/{first['run_id']}/run.json"))["image"]
    repository = by_digest.partition("@")[0]
    (image,) = aws.client("ecr").describe_images(repositoryName=repository.partition("/")[2])["imageDetails"]
    spec = tmp_path / "spec.json"
    done = aws.run(
        "submit", empty, "--image", f"{repository}:{image['imageTags'][0]}", "--command", "python main.py",
        "-i", project(tmp_path / "job", SCRIPT) / "data", "-o", tmp_path / "out",
        "--env", "MODE=fast", "--name", "job", "--save-spec", spec, "--local", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(spec.read_text())["image"] == by_digest
    again = aws.run(
        "rerun", json.loads(done.stdout)["run_id"], "-o", empty / "again", "--env", "MODE=fast", "--local", cwd=empty
    )
    assert again.returncode == 0, again.stderr
    assert tree(empty / "again").keys() == outputs.keys()


def test_results_that_come_into_a_project_stay_out_of_its_next_image(
    aws: Cloud, saved_once: Saved, empty: Path
) -> None:
    spec, first, outputs = saved_once
    (empty / "main.py").touch()  # so it looks like a project
    assert aws.run("start", spec, "-o", empty / "started", "--local", cwd=empty).returncode == 0
    again = aws.run("rerun", first["run_id"], "-o", empty / "again", "--env", "MODE=fast", "--local", cwd=empty)
    assert again.returncode == 0, again.stderr
    for folder in (empty / "started", empty / "again"):
        assert tree(folder).keys() == {*outputs, MARKER}


def test_an_address_in_s3_is_read_as_it_is_at_each_start(aws: Cloud, tmp_path: Path, empty: Path) -> None:
    spec, _, outputs = saved(aws, tmp_path, "-i", f"s3://{DATA}/set")
    assert outputs["b.txt"] == "first"
    aws.client("s3").put_object(Bucket=DATA, Key="set/b.txt", Body=b"second")
    done = aws.run("start", spec, "-o", empty / "out", "--local", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert f"s3://{DATA}/set is read as it is now" in done.stderr
    assert tree(empty / "out")["b.txt"] == "second"


def test_another_address_and_other_values_take_the_place_of_the_stored_ones(
    aws: Cloud, saved_once: Saved, empty: Path
) -> None:
    spec, _, _ = saved_once
    aws.client("s3").put_object(Bucket=DATA, Key="else/c.txt", Body=b"third")
    done = aws.run("start", spec, "-i", f"s3://{DATA}/else", "--env", "MODE=slow", "-o", empty / "out", "--local",
                   cwd=empty)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert tree(empty / "out") == {"c.txt": "third", "mode.txt": "slow 3"}


def changed(spec: Path, **values: object) -> Path:
    other = spec.with_name(f"{next(_NUMBERS)}.json")
    other.write_text(json.dumps({**json.loads(spec.read_text()), **values}))
    return other


def test_a_start_that_can_not_be_is_refused_before_anything_is_made(
    aws: Cloud, saved_once: Saved, tmp_path: Path, empty: Path
) -> None:
    spec, _, _ = saved_once
    pin = json.loads(spec.read_text())["inputs"][0]
    cases: list[tuple[list[object], str]] = [
        ([tmp_path / "nothing.json"], "can't be read: No such file or directory"),
        ([changed(spec, inputs=[{**pin, "snapshot_key": "runs/x/record.json"}])], "which is not an input of job"),
        ([changed(spec, inputs=[{**pin, "version_id": "0" * 32}])], "is not in "),
        ([changed(spec, env={"MODE": None, "KEY": None})], "holds no value for KEY, MODE"),
        ([spec, "-i", tmp_path], "a stored job reads addresses in S3"),
    ]
    for arguments, sentence in cases:
        before = len(aws.sent)
        done = aws.run("start", *arguments, "-o", empty / "out", "--local", cwd=empty)
        assert done.returncode == 2, (arguments, done.stderr)
        assert sentence in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
        assert not [name for name in aws.names_sent(before) if ":Create" in name or ":Run" in name], arguments
    assert "no output folder is given" in aws.run("start", spec, "--local", cwd=empty).stderr
    assert not (empty / "out").exists()


def test_a_spec_that_can_not_be_saved_is_refused_before_the_run_or_told_after_it(aws: Cloud, tmp_path: Path) -> None:
    job = project(tmp_path / "job", SCRIPT)
    given = ["submit", job, "-i", job / "data", "-o", tmp_path / "out", "--env", "MODE=x", "--local", "--save-spec"]
    refused = aws.run(*given, tmp_path / "no" / "spec.json")
    assert refused.returncode == 2
    assert "there is no folder" in refused.stderr
    assert aws.run(*given, tmp_path).returncode == 2
    assert "starts none" in aws.run(*given, tmp_path / "spec.json", "--dry-run").stderr

    folder = tmp_path / "goes away"
    folder.mkdir()
    aws.before["ecs:RunTask"] = lambda: os.rmdir(folder)  # noqa: PTH106
    done = aws.run(*given, folder / "spec.json")
    assert done.returncode == 125, done.stderr
    assert "could not be written" in done.stderr
    assert tree(tmp_path / "out")["mode.txt"] == "x None", "the run itself goes on to its end"
