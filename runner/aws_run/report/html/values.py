"""What a report page shows. Values only; every text may come from a job and is escaped where it is written."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from aws_run.frozen import frozen
from aws_run.report.views import ReceiptView

How = Literal["done", "failed", "running", "stopped"]


@frozen
class Fact:
    name: str
    value: str


@frozen
class Attempt:
    """One bar of the timeline: a lane of the start, a wait, an attempt. `ended` None: it has not ended. `how` stopped:
    because another one failed, or it was interrupted."""

    name: str
    began: datetime
    ended: datetime | None
    how: How
    text: str = ""


@frozen
class Series:
    """One plot: (seconds since the job began, value), in order. `most`: what there was in all. `scarce`: what counts is
    how little there was."""

    name: str
    unit: Literal["%", "B", "B/s"]
    points: tuple[tuple[float, float], ...]
    most: float | None = None
    scarce: bool = False


@frozen
class Preview:
    """`image`: an address `data:…` of a picture. `rows`: the first rows of a table, with its head. `text`: the first
    lines of a text. One of the three."""

    image: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    cut: bool = False


@frozen
class Saved:
    """`why_none`: why a picture has no preview; "" for files of which nobody expects one."""

    path: str
    bytes: int
    preview: Preview | None = None
    why_none: str = ""


@frozen
class RunPage:
    """`phase` as `aws-run ps` shows it. `log`: its last lines; `log_cut`: there were more. `outputs`: the first of
    `output_files`. `notes`: what the page does not show, and why."""

    run_id: str
    phase: str
    exit_code: int | None
    sentence: str
    facts: tuple[Fact, ...]
    attempts: tuple[Attempt, ...] = ()
    usage: tuple[Series, ...] = ()
    receipt: ReceiptView | None = None
    money: tuple[Fact, ...] = ()
    advice: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    log_cut: bool = False
    outputs: tuple[Saved, ...] = ()
    output_files: int = 0
    output_bytes: int = 0
    output_address: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
