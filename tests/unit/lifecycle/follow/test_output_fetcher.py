"""The last fetch of a run's outputs: whatever goes wrong in it is an error of the run, never the end of the teardown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.fakes import Events, FakeAws, FakeClock, spec

from aws_run.errors import TransferError
from aws_run.events import Notice
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.follow.output_fetcher import OutputFetcher


def broken(bucket: str) -> Any:
    raise OverflowError("a fault of ours")


def test_a_fault_of_ours_in_the_last_fetch_is_told_and_given_back(tmp_path: Path) -> None:
    events = Events()
    context = AppContext(
        aws=FakeAws(),
        clock=FakeClock(),
        emit=events.emit,
        backends={},
        builder=lambda: pytest.fail("nothing is built"),
        storage=broken,
        salt=lambda: "ab12",
    )
    error = OutputFetcher(context, spec(), tmp_path / "out", follow=False).finish()
    assert isinstance(error, TransferError)
    assert error.message == "The outputs could not be fetched: OverflowError: a fault of ours"
    (notice,) = events.of(Notice)
    assert "tries again" in notice.hint
