"""Rows of `bench`: a run that another client came upon first, and what is asked once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.fakes import RUN, FakeAccount, FakeClock, config, record

from aws_run.clock import iso
from aws_run.errors import AmbiguousScriptError, DeclinedError, UsageError
from aws_run.events import Notice, TeardownStep
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter
from aws_run.usecases.bench import BenchRow, _measure, _named, bench

SUCCESS = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job ended with exit code 0")


class OthersClock(FakeClock):
    """Another client is at the removal of the run, and through with it `after_s` seconds from the start."""

    def __init__(self, store: RunStore, after_s: float) -> None:
        super().__init__()
        self._store = store
        self._after_s = after_s

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.elapsed_s >= self._after_s:
            writer = RecordWriter.resume(self._store, RUN, self)
            writer.change(lambda record: replace(record, state="removed", cost_usd="0.012300"), now=True)


def measured(after_s: float) -> tuple[BenchRow, OthersClock]:
    account = FakeAccount()
    account.aws.on("list_tasks", {"taskArns": []})
    clock = OthersClock(account.store, after_s)
    being_removed = record(state="removing", detached=True).with_outcome(SUCCESS, stopped_at=iso(clock.now()))
    account.store.create(being_removed)
    row = _measure(replace(account.context, clock=clock), "c7g.large", config(output=None), RUN, "cost")
    return row, clock


@pytest.mark.parametrize("after_s", [1.0, 100.0])
def test_a_run_that_another_client_is_removing_is_waited_for(after_s: float) -> None:
    row, _ = measured(after_s)
    assert (row.exit_code, row.gone) == (0, True)
    assert str(row.usd) == "0.012300"


def test_a_run_whose_removal_nobody_ends_is_removed_here() -> None:
    row, clock = measured(10_000.0)
    assert clock.elapsed_s < 400
    assert row.gone, "who was at it is left alone for two minutes; then this client removes the run itself"


SCRIPT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-i')\np.add_argument('-o')\np.parse_args()\n"


def compared(folder: Path, agree: Callable[[UsageError], None]) -> list[BenchRow]:
    account, rows = FakeAccount(), list[BenchRow]()
    offers = {name: config(project_dir=folder, output=None) for name in ("c7i.large", "c7g.large")}
    bench(replace(account.context, agree=agree), offers, show_plan=lambda name, view: None, on_end=rows.append)
    return rows


def test_several_scripts_are_one_question_and_no_rows(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SCRIPT)
    with pytest.raises(AmbiguousScriptError):
        compared(tmp_path, lambda doubt: None)


def test_who_says_no_to_the_size_of_the_project_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # the whole of it is hardly meant
    asked: list[UsageError] = []

    def no(doubt: UsageError) -> None:
        asked.append(doubt)
        raise DeclinedError("Nothing was sent, and nothing was created")

    with pytest.raises(DeclinedError):
        compared(tmp_path, no)
    assert len(asked) == 1


def test_verbose_tells_each_runs_notices_and_removals_by_the_offers_name() -> None:
    account, step = FakeAccount(), TeardownStep(kind="cluster", name=f"arun-{RUN}", state="gone")
    for verbose in (False, True):
        account.events.clear()
        emit = _named(account.context, "c7g.large", {}, verbose=verbose)
        for event in (Notice(text="built"), step, Notice(text="dear", level="warning")):
            emit(event)
        told = [one.text for one in account.events.of(Notice)]
        assert told == (["c7g.large: built", "c7g.large: dear"] if verbose else ["c7g.large: dear"])
        assert account.events.of(TeardownStep) == ([step] if verbose else [])
