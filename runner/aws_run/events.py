"""What happens during a command, as values. Use cases emit them; only `report/` turns them into text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Literal

from aws_run.frozen import frozen

Lane = Literal["capacity", "image", "input"]
LANES: tuple[Lane, ...] = ("capacity", "image", "input")


@frozen
class LaneStarted:
    lane: Lane
    text: str


@frozen
class LaneProgress:
    """`done`/`total` in steps, or in bytes that move; `total` None if it is not known. `detail`: the last line of the
    program that is at work, for who watches."""

    lane: Lane
    text: str
    done: float | None = None
    total: float | None = None
    in_bytes: bool = False
    detail: str = ""


@frozen
class LaneDone:
    """`skipped`: there was nothing to do (unchanged image, unchanged input)."""

    lane: Lane
    text: str
    seconds: float
    skipped: bool = False


@frozen
class LaneFailed:
    lane: Lane
    text: str


@frozen
class LookProgress:
    """How many files of `what` (the sources, the input) were seen so far; `bytes` 0: not counted yet. No files: there
    is nothing to count, and only that it is looked at is told."""

    what: str
    files: int
    bytes: int
    done: bool = False


@frozen
class RunStarted:
    run_id: str
    project: str
    region: str
    account: str
    backend: str


@frozen
class StatusChanged:
    """The run's phase: PROVISIONING, PENDING, RUNNING, STOPPED as ECS reports it, or one of our own in lower case."""

    status: str
    detail: str = ""

    @property
    def task_is_over(self) -> bool:
        return self.status in ("DEPROVISIONING", "STOPPED")


@frozen
class LogLine:
    """One line of the job's own output. `timestamp_ms`: milliseconds since 1970, UTC."""

    timestamp_ms: int
    text: str


@frozen
class JobProgress:
    """The lines that the job redraws (progress bars), from the top, as they are now; empty: it redraws none any
    more."""

    lines: tuple[str, ...]


@frozen
class JobUsage:
    """What the job uses now. `cpu_percent`: of one core. None: nobody tells."""

    cpu_percent: int | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    gpu_percent: int | None = None
    gpu_memory_mib: int | None = None


@frozen
class JobLimits:
    """What the time of a run is counted by, once its task has been accepted. `deadline` is aware; `usd_per_hour` None:
    no price is known. `began`: when the task began to be billed; None: as it is seen to run."""

    deadline: datetime
    usd_per_hour: Decimal | None
    began: datetime | None = None


@frozen
class OutputProgress:
    files: int
    bytes: int
    total_files: int
    total_bytes: int


@frozen
class TeardownStep:
    kind: str
    name: str
    state: Literal["removing", "gone", "kept", "failed"]
    detail: str = ""


@frozen
class Notice:
    """Something that the user should know; `level` debug is shown only with --debug."""

    text: str
    level: Literal["debug", "info", "warning"] = "info"
    hint: str | None = None


Event = (
    LaneStarted
    | LaneProgress
    | LaneDone
    | LaneFailed
    | LookProgress
    | RunStarted
    | StatusChanged
    | LogLine
    | JobProgress
    | JobUsage
    | JobLimits
    | OutputProgress
    | TeardownStep
    | Notice
)
Emit = Callable[[Event], None]


def unfailing(emit: Emit) -> Emit:
    """`emit` for work that must be completed: an error of a renderer does not stop it."""

    def quietly(event: Event) -> None:
        with contextlib.suppress(Exception):
            emit(event)

    return quietly
