"""Which run is meant where none is named."""

from __future__ import annotations

from tests.unit.fakes import FakeAccount, record

from aws_run.lifecycle.lookup import resolve_live
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome


def test_the_run_that_goes_on_is_meant_however_many_newer_ones_have_ended() -> None:
    account = FakeAccount()
    outcome = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")
    ids = [f"demo-20260102-03{minute:02}{second:02}-abcd" for minute in range(2) for second in range(60)]
    for run in ids:
        account.store.create(record(run_id=run, state="running").with_outcome(outcome) if run != ids[0] else
                             record(run_id=run, state="running"))  # fmt: skip
    account.store.locks.mark_live(ids[0])
    account.store.locks.mark_live("other-20260102-030000-abcd")
    assert resolve_live(account.context, "demo") == ids[0]
