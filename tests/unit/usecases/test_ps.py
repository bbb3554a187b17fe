"""`ps` lists the newest runs, of the statuses that are asked for, and tells when there are more."""

from __future__ import annotations

import pytest
from tests.unit.fakes import FakeAccount, record

from aws_run.lifecycle.run_status import PHASES, status_of
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases.ps import ps

GONE = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")


class Listing(FakeAccount):
    """`running` runs that go on, and after them `ended` that have ended; each is a second younger than the last."""

    def __init__(self, *, running: int = 0, ended: int = 0) -> None:
        super().__init__()
        self.ids = [f"demo-20260102-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-abcd"
                    for number in range(running + ended)]  # fmt: skip
        for number, run in enumerate(self.ids):
            one = record(run_id=run, state="running")
            self.store.create(one if number < running else one.with_outcome(GONE))

    @property
    def read(self) -> int:
        return sum(call.operation == "get_object" for call in self.aws.calls)


def test_a_status_is_looked_for_in_all_runs_and_not_in_the_newest_alone() -> None:
    account = Listing(running=2, ended=120)
    listed = ps(account.context, "demo", limit=50, wanted=("running",))
    assert [run.record.run_id for run in listed.runs] == account.ids[1::-1]
    assert (listed.recorded, listed.cut) == (122, False)


def test_no_more_records_are_read_than_it_takes() -> None:
    account = Listing(ended=300)
    listed = ps(account.context, "demo", limit=3, wanted=("succeeded", "failed"))
    assert [run.record.run_id for run in listed.runs] == account.ids[:-4:-1]
    assert (listed.cut, account.read) == (True, 50)


@pytest.mark.parametrize(("limit", "cut"), [(3, True), (4, False), (50, False)])
def test_that_older_runs_are_left_out_is_known(limit: int, cut: bool) -> None:
    account = Listing(ended=4)
    listed = ps(account.context, "demo", limit=limit)
    assert (len(listed.runs), listed.recorded, listed.cut) == (min(4, limit), 4, cut)
    assert account.read == len(listed.runs)


def test_every_status_that_a_record_shows_can_be_asked_for() -> None:
    for reason in OutcomeReason:
        for exit_code in (0, 1):
            outcome = Outcome(exit_code=exit_code, reason=reason, sentence="it ended")
            assert status_of(record().with_outcome(outcome)).phase in PHASES
    assert status_of(record()).phase in PHASES
