"""What a record tells of a run, and in what two runs differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import record

from aws_run.lifecycle.what_ran import argv_of, commit_of, differences
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome

JOB = {
    "name": "p",
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/arun/p@sha256:" + "ab" * 32,
    "command": ["python", "main.py"],
    "args": ["--epochs", "3"],
    "env": {"MODE": None},
    "inputs": [{"label": "data", "files": 2, "bytes": 2048, "version_id": "v1", "source": None}],
}
ONE = replace(record(), job=JOB, commit="a" * 40, dirty=True, cost_usd="0.5", labels=("lr=0.1",))


def test_the_whole_command_is_on_record() -> None:
    assert argv_of(ONE) == ("python", "main.py", "--epochs", "3")
    assert argv_of(replace(ONE, job=None, command="python old.py")) == ("python", "old.py")


@pytest.mark.parametrize(
    ("dirty", "text"),
    [(True, "aaaaaaaaaaaa, with changes that are not committed"), (False, "a" * 12), (None, "aaaaaaaaaaaa, changed or not")],
)  # fmt: skip
def test_a_commit_says_whether_it_is_all(dirty: bool | None, text: str) -> None:
    assert commit_of(replace(ONE, dirty=dirty)) == text


def test_only_what_differs_is_told() -> None:
    assert differences(ONE, ONE) == []
    other = replace(
        ONE,
        job={**JOB, "args": ["--epochs", "5"], "inputs": [{**JOB["inputs"][0], "version_id": "v2"}]},  # type: ignore[dict-item, index]
        dirty=False,
        cost_usd="0.25",
        labels=(),
        outcome=Outcome(
            exit_code=1, reason=OutcomeReason.EXIT, sentence="the job ended with exit code 1", saved_files=0
        ),
    )
    assert differences(ONE, other) == [
        ("command", "python main.py --epochs 3", "python main.py --epochs 5"),
        ("commit", "aaaaaaaaaaaa, with changes that are not committed", "a" * 12),
        ("input data", "2 files, 2.0 KiB; version v1", "2 files, 2.0 KiB; version v2"),
        ("labels", "lr=0.1", ""),
        ("result", ONE.state, "the job ended with exit code 1"),
        ("saved", "", "0 files"),
        ("cost", "$0.5000", "$0.2500"),
    ]
