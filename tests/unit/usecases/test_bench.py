"""A row of `bench` whose run another client came upon first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import RUN, FakeAccount, FakeClock, config, record

from aws_run.clock import iso
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter
from aws_run.usecases.bench import BenchRow, _measure

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
    row = _measure(replace(account.context, clock=clock), "c7g.large", config(output=None), RUN)
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
