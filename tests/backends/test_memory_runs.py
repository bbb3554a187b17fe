"""A whole submit, cancel, gc and cleanup on a backend that lives in a test's folder: no line outside it is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from tests.backends.memory import MemoryBackend, MemoryService
from tests.crash.story import Begin, Story, stories

from aws_run.errors import AwsRunError, RunNotFoundError
from aws_run.events import LogLine
from aws_run.lifecycle.context import AppContext
from aws_run.usecases.cancel import cancel
from aws_run.usecases.cleanup import cleanup
from aws_run.usecases.gc import gc
from aws_run.usecases.status import status


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begins:
        yield begins


def on_memory(begun: Story, service: MemoryService | None = None) -> tuple[AppContext, MemoryService]:
    """A terminal whose only backend is the one in memory. Its service outlives the terminal, as AWS does."""
    context = begun.new_bench()
    made = service or MemoryService(context.clock, moves=True)
    backend = MemoryBackend(context.aws, context.clock, made)
    return begun.new_bench(backends={"memory": backend, "fargate": backend, "ec2": backend}), made


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_submit_runs_to_its_end_and_leaves_nothing(begin: Begin, exit_code: int) -> None:
    begun = begin()
    context, service = on_memory(begun)
    service.exit_code = exit_code
    done = begun.submit(context=context)
    assert done.exit_code == exit_code
    assert "hello from memory" in [event.text for event in begun.events if isinstance(event, LogLine)]
    assert (begun.record().backend, begun.record().state) == ("memory", "removed")
    assert begun.account.left() == {}


def test_a_start_that_failed_has_on_record_which_of_its_lanes_did(begin: Begin) -> None:
    begun = begin()
    context, _ = on_memory(begun)

    def no_storage(_: str) -> NoReturn:
        raise AwsRunError("The disk is gone")

    with pytest.raises(AwsRunError, match="The disk is gone"):
        begun.submit(context=replace(context, storage=no_storage))
    lanes = {lane.name: (lane.how, lane.text) for lane in begun.record().lanes}
    assert lanes["input"] == ("failed", "The disk is gone")
    assert set(lanes) == {"capacity", "image", "input"}


def test_an_answer_that_is_lost_makes_no_second_task(begin: Begin) -> None:
    begun = begin()
    context, service = on_memory(begun)
    service.answers_lost = 1
    assert begun.submit(context=context).exit_code == 0
    assert (service.submitted, len(service.tasks)) == (2, 1)


def test_a_detached_run_is_cancelled_from_another_terminal(begin: Begin) -> None:
    begun = begin()
    context, service = on_memory(begun)
    service.moves = False
    begun.submit(context=context, detach=True)
    other, _ = on_memory(begun, service)
    record, result = cancel(other, None, "tiny")
    assert result.failed == ()
    assert record.outcome is not None
    assert (record.outcome.reason, record.outcome.exit_code) == ("stopped", 130)
    assert begun.account.left() == {}


def test_without_a_run_that_one_is_cancelled_which_goes_on_and_none_of_several(begin: Begin) -> None:
    begun = begin()
    context, service = on_memory(begun)
    service.moves = False
    begun.submit(context=context, detach=True)
    older = begun.record().run_id
    service.moves = True
    newer = begun.submit(context=on_memory(begun, service)[0]).view.run_id
    assert newer != older
    other, _ = on_memory(begun, service)
    assert cancel(other, None, "tiny")[0].run_id == older, "the newest has ended"
    service.moves = False
    for _ in range(2):
        begun.submit(context=on_memory(begun, service)[0], detach=True)
    other, _ = on_memory(begun, service)
    with pytest.raises(RunNotFoundError, match="2 runs go on: tiny-") as caught:
        cancel(other, None, "tiny")
    assert older not in caught.value.message
    assert newer not in caught.value.message


def test_gc_finishes_a_run_whose_client_is_gone(begin: Begin) -> None:
    begun = begin()
    context, service = on_memory(begun)
    begun.submit(context=context, detach=True)
    for _ in range(3):
        service.look(next(iter(service.tasks)))
    other, _ = on_memory(begun, service)
    assert [one.removable for one in gc(other).leftovers] == [True]
    outcome = begun.record().outcome
    assert outcome is not None
    assert outcome.exit_code == 0
    assert begun.account.left() == {}


def test_cleanup_takes_a_run_that_still_goes_on(begin: Begin) -> None:
    begun = begin()
    context, service = on_memory(begun)
    service.moves = False
    begun.submit(context=context, detach=True)
    other, _ = on_memory(begun, service)
    assert status(other, None, "tiny").phase == "waiting"
    _, result = cleanup(other, begun.record().run_id, None)
    assert result.failed == ()
    assert begun.account.left() == {}
