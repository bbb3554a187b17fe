"""A bounded gc beside a run: what earlier runs left goes before it is forgotten."""

from __future__ import annotations

import threading
from dataclasses import replace

from aws_run.events import Notice
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import leftovers
from aws_run.report.format import count

_AT_MOST = 3  # earlier runs looked after beside a submit


def start_tidying(context: AppContext) -> threading.Thread:
    thread = threading.Thread(target=_tidy, args=(context,), name="gc", daemon=True)
    thread.start()
    return thread


def _tidy(context: AppContext) -> None:
    """Never a run's trouble."""
    quiet = replace(context, emit=lambda event: None)
    try:
        removable = [one for one in leftovers.find_leftovers(quiet) if one.removable][:_AT_MOST]
        leftovers.collect(quiet, tuple(removable))
    except Exception as error:  # noqa: BLE001 - whatever happens beside a run must not look like its trouble
        context.emit(Notice(text=f"gc: {error}", level="debug"))
        return
    if removable:
        context.emit(Notice(text=f"removed what {count(len(removable), 'earlier run')} had left behind"))
