"""The file of a job spec: what is no spec, and what a spec that was written by hand can't hold, is a sentence."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fakes import RUN, Events, record

from aws_run.cli.spec_file import SavedSpec, read_spec, refuse_unwritable
from aws_run.errors import UsageError
from aws_run.runs.spec import InputPin, JobSpec
from aws_run.usecases.start import SPEC, StoredIn, start, stored_in_run

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/arun/demo@sha256:{'0' * 64}"
PIN = InputPin(label="data", snapshot_key="inputs/demo/data.snapshot.json", version_id="v1", files=1, bytes=5)
JOB = JobSpec(name="demo", image=IMAGE, inputs=(PIN,), env={"TOKEN": "hunter2"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "holds no job spec"),
        ("[]", "holds no job spec"),
        ("x" * (1024 * 1024 + 1), "is larger than"),
        ("[" * 100_000, "nested"),
        (json.dumps({**JOB.to_json(), "version": 9}), "was written by a newer aws-run"),
        (json.dumps({**JOB.to_json(), "surprise": 1}), "surprise"),
        (json.dumps({**JOB.to_json(), "timeout_s": "soon"}), "timeout_s"),
    ],
)
def test_what_is_no_job_spec_is_told_by_name(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read_spec(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_spec(tmp_path / "nothing")
    with pytest.raises(UsageError, match="Is a directory"):
        read_spec(tmp_path)


def test_a_saved_job_is_read_back_as_it_was_and_is_its_users_alone(tmp_path: Path) -> None:
    events, path = Events(), tmp_path / "spec.json"
    saved = SavedSpec(path, events.emit)
    saved.save(JOB)
    assert saved.failed is None
    assert read_spec(path) == JOB
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path] == list(tmp_path.iterdir()), "nothing unfinished stays beside it"


def test_what_lay_at_an_address_is_stored_by_its_address_alone(tmp_path: Path) -> None:
    pin = replace(PIN, source="s3://bucket/set", snapshot_key="runs/x/inputs/set.snapshot.json")
    SavedSpec(tmp_path / "spec.json", Events().emit).save(replace(JOB, inputs=(pin,)))
    (stored,) = read_spec(tmp_path / "spec.json").inputs
    assert (stored.source, stored.snapshot_key, stored.version_id) == ("s3://bucket/set", None, None)


def test_a_place_where_no_file_can_be_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        refuse_unwritable(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        refuse_unwritable(tmp_path / "no" / "spec.json")
    refuse_unwritable(tmp_path / "spec.json")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "../up"}, "is not a project name"),
        ({"name": "a" * 33}, "is not a project name"),
        ({"image": None}, "no image by its digest"),
        ({"image": "python:3.12"}, "no image by its digest"),
        ({"timeout_s": 0}, "timeout_s of 0"),
        ({"timeout_s": 10**9}, "timeout_s of 1000000000"),
        ({"tags": {"aws-run:run": "x"}}, "'aws-run:run'"),
        ({"tags": {"AWS:x": "x"}}, "'AWS:x'"),
        ({"env": {"TOKEN": None}}, "holds no value for TOKEN"),
        ({"inputs": ()}, "names no input"),
        ({"inputs": (replace(PIN, snapshot_key=None),)}, "not an input of demo"),
        (
            {"inputs": (replace(PIN, snapshot_key="inputs/other/data.snapshot.json"),)},
            "not an input of demo",
        ),
        (
            {"inputs": (replace(PIN, snapshot_key="inputs/demo/../x.snapshot.json"),)},
            "not an input of demo",
        ),
        ({"inputs": (replace(PIN, snapshot_key="runs/x/run.json"),)}, "not an input of demo"),
    ],
)
@pytest.mark.parametrize("stored_in", [SPEC, stored_in_run(record(state="removed"))])
def test_a_job_that_can_not_be_started_asks_nothing_of_aws(
    stored_in: StoredIn, changes: dict[str, Any], sentence: str
) -> None:
    """The context is never touched. A run is told as a run: its user has never seen a job spec."""
    job = replace(JOB, **changes)
    with pytest.raises(UsageError, match=sentence if stored_in is SPEC or "image" not in changes else "image") as error:
        start(job, None, output=None, show_plan=lambda view: None, stored_in=stored_in)  # type: ignore[arg-type]
    told = f"{error.value.message} {error.value.hint}"
    assert told.startswith(stored_in.subject)
    assert ("spec" in told) <= (stored_in is SPEC)


def test_a_run_that_ended_before_its_image_was_ready_says_so() -> None:
    for run, sentence in (
        (record(state="removed"), f"The run {RUN} has no image: it ended before its image was ready"),
        (record(), f"The run {RUN} has no image yet"),
    ):
        with pytest.raises(UsageError) as error:
            start(
                replace(JOB, image=None), None, output=None, show_plan=lambda view: None,  # type: ignore[arg-type]
                stored_in=stored_in_run(run),
            )  # fmt: skip
        assert error.value.message == sentence
        assert f"aws-run explain {RUN}" in (error.value.hint or "")
