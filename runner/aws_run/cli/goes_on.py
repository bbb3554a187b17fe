"""Ctrl-C at a command that only looks on: the run is none of its business, and the user hears how to come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_run.cli.say import say
from aws_run.cli.session import Session


@contextmanager
def told_that_it_goes_on(here: Session, run_id: str, *, fetches: bool = False) -> Iterator[None]:
    """Of a run that has ended already the user hears that, and what finishes it, or, where its results were being
    fetched, how to get the rest."""
    from aws_run.lifecycle.follow.until_end import InterruptedAfterEnd

    try:
        yield
    except InterruptedAfterEnd:
        with here.reporter.pause():
            word, does = ("pull", "fetches the rest") if fetches else ("status", "shows how, and finishes its removal")
            say(f"interrupted; the run {run_id} has ended, and `aws-run {word} {run_id}{here.flag}` {does}")
        raise
    except KeyboardInterrupt:
        # The status line goes first: the terminal has written its ^C behind it, and ours would go on there.
        with here.reporter.pause():
            say(f"the run {run_id} goes on without this terminal")
            here.say_next(f"aws-run attach {run_id}")
            here.say_next(f"aws-run cancel {run_id}")
        raise
