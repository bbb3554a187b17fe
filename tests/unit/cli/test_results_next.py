"""Nobody is sent to fetch what is here already, or what was never saved, and nothing that was not removed is counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.fakes import RUN, record

from aws_run.cli.commands.cleanup import sentence
from aws_run.cli.output_memory import fetched_folder, remember_fetched, remember_output
from aws_run.cli.results_next import say_next, say_results
from aws_run.infra.remove import Removal
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Ref
from aws_run.lifecycle.end.teardown import TeardownResult
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record


class Here:
    def say_next(self, command: str) -> None:
        sys.stdout.write(f"next: {command}\n")


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def ended(*, saved_files: int | None, task: bool = True) -> Record:
    outcome = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished", saved_files=saved_files)
    return (record(task_arn="arn:task") if task else record()).with_outcome(outcome)


def said(record: Record, capsys: pytest.CaptureFixture[str]) -> str:
    say_results(cast(Any, Here()), record)
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize("saved_files", [1, None])
def test_results_that_are_not_here_are_to_be_pulled(
    saved_files: int | None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    remember_output(RUN, tmp_path)  # where they were to go, which says nothing of what came
    assert said(ended(saved_files=saved_files), capsys) == f"next: aws-run pull {RUN}\n"


def test_results_that_are_here_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    remember_fetched(RUN, out)
    assert said(ended(saved_files=1), capsys) == f"its results are in {out}\n"
    say_next(cast(Any, Here()), RUN, f"aws-run logs {RUN}")
    assert capsys.readouterr().out == f"next: aws-run logs {RUN}\n"


def test_a_folder_that_is_gone_has_no_results(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    remember_fetched(RUN, tmp_path / "gone")
    assert fetched_folder(RUN) is None
    assert said(ended(saved_files=1), capsys) == f"next: aws-run pull {RUN}\n"


def test_a_run_that_saved_nothing_or_never_ran_has_nothing_to_pull(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(ended(saved_files=0), capsys) == ""
    assert said(ended(saved_files=None, task=False), capsys) == ""


def test_what_was_removed_is_counted_and_nothing_is_not() -> None:
    gone = [Removal(ref=Ref(kind=Role.kind, name=name, scope="run")) for name in ("a", "b")]

    def result(count: int) -> TeardownResult:
        return TeardownResult(removed=tuple(gone[:count]), kept=())

    assert sentence(ended(saved_files=1), result(2), "cancelled") == "cancelled; 2 resources removed"
    assert sentence(ended(saved_files=1), result(1), "cancelled") == "cancelled; 1 resource removed"
    told = sentence(ended(saved_files=1), result(0), "cancelled")
    assert told == "had ended already (the job finished); nothing of its own was left"
