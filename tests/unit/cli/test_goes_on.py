"""Ctrl-C at `wait`, `logs -f` and `attach` leaves the run alone, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import pytest

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.session import Session
from aws_run.cli.target import Target
from aws_run.lifecycle.follow.until_end import after_its_end

RUN = "proj-20260131-120000-abcd"


class Display:
    """A reporter of which only the pause is asked: it writes down when the live display is away."""

    @contextmanager
    def pause(self) -> Iterator[None]:
        click.echo("<display away>", err=True)
        yield
        click.echo("<display back>", err=True)


@pytest.fixture
def here() -> Session:
    nothing: Any = None
    display: Any = Display()
    return Session(
        context=nothing,
        reporter=display,
        project="p",
        as_json=False,
        target=Target(flag=" --local"),
        config=nothing,
    )


def test_the_way_back_is_told_once_the_status_line_is_away(here: Session, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), told_that_it_goes_on(here, RUN):
        raise KeyboardInterrupt
    told = capsys.readouterr().err.splitlines()
    assert (told[0], told[-1]) == ("<display away>", "<display back>")
    assert "goes on" in told[1]
    assert told[2:-1] == [
        f"next: aws-run attach {RUN} --local",
        f"next: aws-run cancel {RUN} --local",
    ]


@pytest.mark.parametrize(
    ("fetches", "helps"), [(True, "pull {} --local` fetches the rest"), (False, "status {} --local` shows how, and ")]
)
def test_a_run_that_has_ended_does_not_go_on(
    here: Session, capsys: pytest.CaptureFixture[str], fetches: bool, helps: str
) -> None:
    with pytest.raises(KeyboardInterrupt), told_that_it_goes_on(here, RUN, fetches=fetches), after_its_end():
        raise KeyboardInterrupt
    told = capsys.readouterr().err
    assert "goes on" not in told
    assert f"interrupted; the run {RUN} has ended, and `aws-run {helps.format(RUN)}" in told
