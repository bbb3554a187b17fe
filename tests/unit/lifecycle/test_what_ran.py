"""What a record tells of a run, and in what two runs differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import record

from aws_run.cli.commands.ps import _columns, _row
from aws_run.cli.commands.status import rows_of
from aws_run.lifecycle.run_status import status_of
from aws_run.lifecycle.what_ran import argv_of, commit_of, differences, with_what_ran
from aws_run.report.views import OutcomeView
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


def test_an_ending_and_ps_and_status_tell_all_of_what_ran() -> None:
    told = replace(ONE, python="3.12", note="smaller steps")
    view = with_what_ran(OutcomeView(run_id=told.run_id, exit_code=0, status="the job finished"), told)
    image = "arun/p@" + "ab" * 6
    commit = "aaaaaaaaaaaa, with changes that are not committed"
    assert (view.ran, view.commit, view.image) == (("python", "main.py", "--epochs", "3"), commit, image)
    assert (view.python, view.labels, view.note) == ("3.12", ("lr=0.1",), "smaller steps")
    status = status_of(told)
    long = dict(zip(_columns(long=True, utc=True), _row(status, long=True, utc=True), strict=True))
    values = ("python main.py --epochs 3", commit, image, "3.12", "lr=0.1", "smaller steps")
    for shown in (long, dict(rows_of(status, utc=True, label="cost"))):
        assert tuple(shown[name] for name in ("command", "commit", "image", "python", "labels", "note")) == values


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
