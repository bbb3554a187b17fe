"""What a tester broke with Ctrl-C: a mark that stayed behind, and one press in the teardown that said it had left."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.fakes import BUCKET, RUN, Events, FakeAccount, record, refused
from tests.waiting import PATIENCE_S

from aws_run.errors import AwsRunError, CredentialsError
from aws_run.events import Notice
from aws_run.infra.resource_types.base import Observation
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resources import ref
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.lifecycle.start.run_record import open_record
from aws_run.runs.record_reader import load

KEY = f"runs/{RUN}/run.json"
STORE = Bucket(name=BUCKET, region="us-east-1", runs_retention_days=90, tags={})


class Account(FakeAccount):
    def begin(self) -> Any:
        found = SimpleNamespace(kept={ref(STORE): Observation(present=True)})
        decided = SimpleNamespace(kept=(STORE,))
        return open_record(self.context, self.store, found, decided, record=record(), backend=None)  # type: ignore[arg-type]

    @property
    def marks(self) -> list[str]:
        return [key for key in self.bucket.objects if key.startswith(("live/", "leaving/"))]

    def fails_to_record(self, error: BaseException) -> None:
        def put(*, Key: str, **more: Any) -> Any:
            if Key == KEY:
                raise error
            return self.bucket._put(Key=Key, **more)

        self.aws.on("put_object", put)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CredentialsError("expired"), refused("AccessDenied")])
def test_a_start_that_ends_before_its_record_leaves_no_mark(error: BaseException) -> None:
    account = Account()
    account.fails_to_record(error)
    with pytest.raises((KeyboardInterrupt, AwsRunError)):
        account.begin()
    assert account.marks == []
    assert KEY not in account.bucket.objects


def test_an_interrupt_while_it_waits_for_the_lock_leaves_no_mark_and_a_record_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = Account()
    assert account.store.locks.lock("demo", "somebody", account.clock)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(account.clock, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        account.begin()
    assert account.marks == []
    left = load(account.bucket.objects[KEY][0])
    assert left.state == "removed"
    assert left.outcome is not None
    assert left.outcome.exit_code == 130


def test_a_start_that_meets_a_run_of_its_own_name_leaves_that_one_alone() -> None:
    account = Account()
    theirs = record(owner="somebody")
    account.store.create(theirs)
    account.store.locks.mark_live(RUN)
    with pytest.raises(AwsRunError):
        account.begin()
    assert account.marks == [f"live/{RUN}"]
    assert load(account.bucket.objects[KEY][0]) == theirs


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_in_a_teardown_is_answered_and_the_teardown_goes_on() -> None:
    told, events = threading.Event(), Events()

    def emit(event: Any) -> None:
        events.append(event)
        told.set()

    def work() -> str:
        press()
        assert told.wait(PATIENCE_S)
        return "all gone"

    assert run_uninterrupted(emit, work) == "all gone"
    assert [event.text for event in events.of(Notice)] == [
        "removing what the run used; press Ctrl-C again to leave at once"
    ]


def test_the_second_ctrl_c_leaves_while_the_work_still_goes_on() -> None:
    told, over = threading.Event(), threading.Event()

    def work() -> None:
        press()
        assert told.wait(PATIENCE_S)
        press()
        over.wait(PATIENCE_S)

    try:
        with pytest.raises(KeyboardInterrupt):
            run_uninterrupted(lambda event: told.set(), work)
        assert not over.is_set()
    finally:
        over.set()


def test_the_work_is_done_by_no_thread_that_the_process_cuts_off_at_its_end() -> None:
    def work() -> bool:
        return threading.current_thread().daemon

    assert run_uninterrupted(Events().emit, work) is False


def test_a_notice_that_cannot_be_shown_does_not_end_the_waiting() -> None:
    told = threading.Event()

    def emit(_: Any) -> None:
        told.set()
        raise ValueError("it can't be drawn")

    def work() -> str:
        press()
        assert told.wait(PATIENCE_S)
        return "all gone"

    assert run_uninterrupted(emit, work) == "all gone"


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise AwsRunError("no")

    with pytest.raises(AwsRunError, match="no"):
        run_uninterrupted(Events().emit, work)
