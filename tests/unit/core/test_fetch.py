"""The last fetch of a run's outputs: whatever goes wrong in it is an error of the run, never the end of the teardown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.core.support import Events, FakeAws, FakeClock, config, spec

from aws_run.errors import TransferError
from aws_run.events import Notice
from aws_run.usecases.bench import Bench
from aws_run.usecases.fetch import Fetch


def broken(bucket: str) -> Any:
    raise OverflowError("a fault of ours")


def test_a_fault_of_ours_in_the_last_fetch_is_told_and_given_back(tmp_path: Path) -> None:
    events = Events()
    bench = Bench(
        aws=FakeAws(),
        clock=FakeClock(),
        emit=events.emit,
        backends={},
        builder=lambda: pytest.fail("nothing is built"),
        storage=broken,
        salt=lambda: "ab12",
    )
    error = Fetch(bench, spec(config=config(output=tmp_path / "out"))).finish()
    assert isinstance(error, TransferError)
    assert error.message == "The outputs could not be fetched: OverflowError: a fault of ours"
    (notice,) = events.of(Notice)
    assert "tries again" in notice.hint
