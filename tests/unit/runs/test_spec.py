"""A job spec goes to JSON and back unchanged, holds no path of any machine, and refuses what it can't be."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import config

from aws_run.config.models import Config
from aws_run.errors import UsageError
from aws_run.frozen import field_names
from aws_run.runs.spec import InputPin, JobSpec, job_from_json

_WORDS = st.text(max_size=12)
_PINS = st.builds(
    InputPin,
    label=_WORDS,
    into=_WORDS,
    snapshot_key=st.none() | _WORDS,
    version_id=st.none() | _WORDS,
    source=st.none() | _WORDS,
    files=st.integers(0, 10**9),
    bytes=st.integers(0, 10**15),
)
_JOBS = st.builds(
    JobSpec,
    name=_WORDS,
    image=st.none() | _WORDS,
    command=st.none() | st.lists(_WORDS, max_size=3).map(tuple),
    args=st.lists(_WORDS, max_size=3).map(tuple),
    inputs=st.lists(_PINS, max_size=3).map(tuple),
    env=st.dictionaries(_WORDS, st.none() | _WORDS, max_size=3),
    secrets=st.dictionaries(_WORDS, _WORDS, max_size=3),
    tags=st.dictionaries(_WORDS, _WORDS, max_size=3),
)


@given(_JOBS)
def test_a_job_spec_goes_to_json_and_back_unchanged(job: JobSpec) -> None:
    assert job_from_json(json.loads(json.dumps(job.to_json())), place="spec.json") == job


def test_a_job_spec_has_no_field_that_could_hold_a_local_path() -> None:
    def types_of(cls: type) -> list[Any]:
        pending, seen = list(get_type_hints(cls).values()), []
        while pending:
            one = pending.pop()
            seen.append(one)
            pending += get_args(one)
            if is_dataclass(one):
                pending += get_type_hints(one).values()
        return seen

    assert Path not in types_of(JobSpec)
    assert Path in types_of(Config), "the check sees what it looks for"


def test_a_job_spec_takes_everything_from_a_config_but_what_is_this_machines() -> None:
    job = JobSpec.from_config(config(args=("--fast",), env={"A": "1"}, timeout_s=60))
    assert (job.name, job.args, job.env, job.timeout_s) == ("demo", ("--fast",), {"A": "1"}, 60)
    assert job.inputs == (), "a folder becomes an input when it is in S3"
    this_machines = field_names(Config) - field_names(JobSpec)
    assert this_machines == {
        "project_dir", "file", "outside", "output", "follow_output", "full_sync", "build", "region", "profile",
        "follow_links", "labels", "note", "tolerances", "yes",
    }  # fmt: skip


def test_a_spec_without_values_names_the_variables_only() -> None:
    job = JobSpec(name="demo", env={"TOKEN": "hunter2"}).without_values()
    assert "hunter2" not in json.dumps(job.to_json())
    assert job.withheld == ("TOKEN",)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "holds no job spec"),
        ({"version": 99, "name": "demo"}, "newer aws-run"),
        ({"version": 1}, "name: Field required"),
        ({"version": 1, "name": "demo", "colour": "red"}, "colour: Unexpected keyword argument"),
        ({"version": 1, "name": "demo", "timeout_s": "soon"}, "timeout_s: "),
        ({"version": 1, "name": "demo", "resources": {"cups": 3}}, "resources.cups: Unexpected keyword argument"),
        ({"version": 1, "name": "demo", "inputs": [{"label": 3}]}, "inputs.0.label: "),
        ({"version": 1, "name": "demo", "backend": "lambda"}, "backend: "),
    ],
)
def test_what_is_no_job_spec_is_refused_in_a_sentence(document: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=r"spec\.json") as refusal:
        job_from_json(document, place="spec.json")
    assert sentence in refusal.value.message
