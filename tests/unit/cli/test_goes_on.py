"""Ctrl-C at `wait` and `logs -f` leaves the run alone, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import pytest

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.session import Session
from aws_run.cli.target import Target

RUN = "proj-20260131-120000-abcd"


class Display:
    """A reporter of which only the pause is asked: it writes down when the live display is away."""

    @contextmanager
    def pause(self) -> Iterator[None]:
        click.echo("<display away>", err=True)
        yield
        click.echo("<display back>", err=True)


def test_the_way_back_is_told_once_the_status_line_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: Any = None
    display: Any = Display()
    here = Session(
        context=nothing,
        reporter=display,
        project="p",
        as_json=False,
        target=Target(flag=" --local"),
        config=nothing,
    )
    with pytest.raises(KeyboardInterrupt), told_that_it_goes_on(here, RUN):
        raise KeyboardInterrupt
    told = capsys.readouterr().err.splitlines()
    assert (told[0], told[-1]) == ("<display away>", "<display back>")
    assert "goes on" in told[1]
    assert told[2:-1] == [
        f"next: aws-run attach {RUN} --local",
        f"next: aws-run cancel {RUN} --local",
    ]
