"""Ctrl-C at `wait` and `logs -f` leaves the run alone, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from aws_run.cli import compose
from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.session import Session

RUN = "proj-20260131-120000-abcd"


def test_the_way_back_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: Any = None
    here = Session(
        context=nothing,
        reporter=nothing,
        config=nothing,
        project="p",
        as_json=False,
        target=compose.Target(flag=" --local"),
    )
    with pytest.raises(KeyboardInterrupt), told_that_it_goes_on(here, RUN):
        raise KeyboardInterrupt
    told = capsys.readouterr().err.splitlines()
    assert "goes on" in told[0]
    assert told[1:] == [
        f"next: aws-run attach {RUN} --local",
        f"next: aws-run cancel {RUN} --local",
    ]
