"""The executor port: how a run's tasks are started, found, watched and stopped, whichever service runs them.

A backend names its executor. An executor is the only reader of its service's answers: what it returns are the values
below, and nothing above `backends/` knows how a service spells them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from aws_run.events import LogLine
from aws_run.frozen import frozen
from aws_run.runs.record import Record, TaskHandle
from aws_run.runs.spec import RunSpec

if TYPE_CHECKING:
    from aws_run.data import InputSnapshot  # with the transfer engine

__all__ = [
    "EndCause",
    "Executor",
    "LogSource",
    "TaskEnd",
    "TaskHandle",
    "TaskPhase",
    "TaskRequest",
    "TaskState",
]


@frozen
class TaskRequest:
    """One attempt of a run's task. Attempts of one run differ by `attempt` alone, and by the token made of it, so that
    a repeated request is the same request. `definition`: the id that creating the backend's definition returned.
    `turn`: which request for this attempt it is, where the service had no room for the ones before."""

    spec: RunSpec
    definition: str
    inputs: tuple[InputSnapshot, ...]
    deadline: datetime
    attempt: int = 1
    turn: int = 1


class TaskPhase(str, Enum):
    """Where a task stands. WAITING: it has no machine yet. STARTING: it has one, and its container is not up yet."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


class EndCause(str, Enum):
    """Why a task stopped, as far as its service knows."""

    EXITED = "exited"  # its container ended; `exit_code` says how, None when the service lost it
    IMAGE_NOT_PULLED = "image-not-pulled"
    NOT_STARTED = "not-started"  # the service could not start it
    OUT_OF_MEMORY = "out-of-memory"
    INTERRUPTED = "interrupted"  # the service took spot capacity back
    STOPPED = "stopped"  # somebody asked for it
    MACHINE_FAILED = "machine-failed"
    UNKNOWN = "unknown"  # the service gives no cause, or one that this version does not know


@frozen
class TaskEnd:
    """`text`: the service's own words, or a sentence where those would help nobody. `code`: the service's own code for
    them, to be shown and never to be compared. `exit_code`: the container's, None where the service lost it. `denied`:
    it was not started because AWS denied something to one of its roles, which passes where that was just made.
    `no_room`: it was not started because the service had no hardware for it at that moment."""

    cause: EndCause
    exit_code: int | None = None
    text: str = ""
    code: str | None = None
    denied: bool = False
    no_room: bool = False


@frozen
class TaskState:
    """One look at a task. `status`: the service's own word for the phase, to be shown. `billed_from`: when the service
    began to bill for the task itself, None where nothing is billed yet. `stopping_at`: when its end began. `end` is
    there if and only if the phase is STOPPED. `interfaces`: the ids of its own network interfaces. Times are UTC."""

    handle: TaskHandle
    phase: TaskPhase
    status: str
    attempt: int
    detail: str = ""
    billed_from: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None
    end: TaskEnd | None = None
    interfaces: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        return self.phase is TaskPhase.STOPPED

    @property
    def placed(self) -> bool:
        """Whether it has its machine."""
        return self.phase is not TaskPhase.WAITING


@frozen
class TaskSession:
    """A command that was started in a task's container. `arguments`: what AWS's session-manager-plugin is given."""

    arguments: tuple[str, ...]


class LogSource(Protocol):
    """One task's own output. Reading goes on where the last reading ended."""

    def read(self) -> Iterator[LogLine]:
        """The lines that are there and were not read yet; none while the task has written nothing."""
        ...

    def last(self, count: int) -> list[LogLine]:
        """The last lines, oldest first, whatever was read."""
        ...


class Executor(Protocol):
    """Runs the tasks of a run. Every method may raise AwsCallError or CredentialsError.

    `stop_within_s`: how long a task that was told to stop may take to save what it has."""

    @property
    def stop_within_s(self) -> int: ...

    def start(self, request: TaskRequest, check: Callable[[], None] = lambda: None) -> TaskHandle:
        """The accepted task. A request whose answer was lost is adopted when it is made again. `check` is called before
        each try and may raise. CapacityError when the service refuses the task for want of room."""
        ...

    def refuse_too_large(self, request: TaskRequest) -> None:
        """UsageError where the service takes no request of that size, whatever its values turn out to be. Pure."""
        ...

    def find(self, record: Record) -> TaskState | None:
        """The task of the record's current attempt: by the handle on record, else by what the service lists, since the
        answer to the start may have been lost. None when the service knows none."""
        ...

    def state(self, handle: TaskHandle) -> TaskState | None:
        """None when the service does not know the task, yet or any more."""
        ...

    def stop(self, handle: TaskHandle, reason: str) -> None:
        """Asks the task to stop; it gets its grace. A task that is not there is fine."""
        ...

    def is_gone(self, handle: TaskHandle) -> bool:
        """Whether the place of the task is gone, so that the service can never know the task again."""
        ...

    def log_source(self, record: Record, handle: TaskHandle) -> LogSource: ...

    def open_session(self, handle: TaskHandle, command: Sequence[str]) -> TaskSession:
        """Starts `command` in the container of a running task. AwsRunError where that can't be."""
        ...
