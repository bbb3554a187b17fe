"""Why a run ended: one enum of reasons, and what each of them implies, for everybody who reads one."""

from __future__ import annotations

from enum import Enum

from aws_run.contract import EndReason
from aws_run.errors import EXIT_DEADLINE, EXIT_INTERRUPT, EXIT_TOOL
from aws_run.frozen import frozen

_LOGS = "aws-run logs {run}"
_CHECK = "aws-run check"
_AGAIN = "aws-run rerun {run}"
_SPOT_AUTO = "aws-run submit … --spot-policy auto"


class OutcomeReason(str, Enum):
    """The first eleven are written by the container (`contract.EndReason`), the others by a client of the run."""

    EXIT = EndReason.EXIT.value
    SIGNAL = EndReason.SIGNAL.value
    DEADLINE = EndReason.DEADLINE.value
    STOPPED = EndReason.STOPPED.value
    SPOT_NOTICE = EndReason.SPOT_NOTICE.value
    OUT_OF_MEMORY = EndReason.OUT_OF_MEMORY.value
    DISK_FULL = EndReason.DISK_FULL.value
    COMMAND_NOT_FOUND = EndReason.COMMAND_NOT_FOUND.value
    SYNC_IN_FAILED = EndReason.SYNC_IN_FAILED.value
    NO_OUTPUT = EndReason.NO_OUTPUT.value
    SYNC_OUT_FAILED = EndReason.SYNC_OUT_FAILED.value
    IMAGE = "image"  # it could not be pulled
    START = "start"  # the task could not be started
    CAPACITY = "capacity"
    INTERRUPTION = "interruption"  # AWS took the machine back before the container could say so
    INFRASTRUCTURE = "infrastructure"
    NO_RESULT = "no-result"  # the container ended before it could say how
    LOST = "lost"  # nobody saw it end
    UNKNOWN = "unknown"  # also what a newer version has written and this one does not know
    BUCKET_GONE = "bucket-gone"
    NOT_STARTED = "not-started"  # the client failed or was interrupted before the job ran
    INTERRUPTED = "interrupted"  # Ctrl-C, and the job was stopped
    CANCELLED = "cancelled"  # stopped by somebody before it ran

    def __str__(self) -> str:  # Python's own answer differs between its versions
        return str(self.value)

    @property
    def exit_code(self) -> int | None:
        """The run's exit code; None where it is the job's own, or that of whatever went wrong."""
        return _IMPLIED[self].exit_code

    @property
    def retryable(self) -> bool:
        """Whether another attempt may end well."""
        return _IMPLIED[self].retryable

    @property
    def has_log(self) -> bool:
        """Whether the job ran, so that its log says more than AWS does."""
        return _IMPLIED[self].has_log

    @property
    def told_by(self) -> str:
        """The command that says more of such an end: a job that never ran has no log."""
        return "logs" if self.has_log else "explain"

    @property
    def own_doing(self) -> bool:
        """Whether the job brought its end about itself."""
        return self in (OutcomeReason.EXIT, OutcomeReason.SIGNAL)

    @property
    def help(self) -> str:
        """What to type next. {run}, {memory} (the options for more of it) and {disk} (GB) are to be filled in."""
        return _IMPLIED[self].help


def reason_of(text: str) -> OutcomeReason:
    """UNKNOWN for what this version does not know."""
    try:
        return OutcomeReason(text)
    except ValueError:
        return OutcomeReason.UNKNOWN


@frozen
class _Implied:
    exit_code: int | None = None
    retryable: bool = False
    has_log: bool = True
    help: str = _LOGS


_IMPLIED: dict[OutcomeReason, _Implied] = {
    OutcomeReason.EXIT: _Implied(),
    OutcomeReason.SIGNAL: _Implied(),
    OutcomeReason.DEADLINE: _Implied(exit_code=EXIT_DEADLINE, help="aws-run submit … --timeout 8h"),
    OutcomeReason.STOPPED: _Implied(exit_code=EXIT_INTERRUPT),
    OutcomeReason.SPOT_NOTICE: _Implied(exit_code=EXIT_TOOL, retryable=True, help=_SPOT_AUTO),
    OutcomeReason.OUT_OF_MEMORY: _Implied(help="aws-run submit … {memory}"),
    OutcomeReason.DISK_FULL: _Implied(help="aws-run submit … --disk {disk}GB"),
    OutcomeReason.COMMAND_NOT_FOUND: _Implied(),
    OutcomeReason.SYNC_IN_FAILED: _Implied(),
    OutcomeReason.NO_OUTPUT: _Implied(exit_code=EXIT_TOOL),
    OutcomeReason.SYNC_OUT_FAILED: _Implied(),
    OutcomeReason.IMAGE: _Implied(exit_code=EXIT_TOOL, has_log=False, help=_CHECK),
    OutcomeReason.START: _Implied(exit_code=EXIT_TOOL, has_log=False, help=_CHECK),
    OutcomeReason.CAPACITY: _Implied(
        exit_code=EXIT_TOOL, has_log=False, help="aws-run submit … --instance-type TYPE --instance-type ANOTHER"
    ),
    OutcomeReason.INTERRUPTION: _Implied(exit_code=EXIT_TOOL, retryable=True, help=_SPOT_AUTO),
    OutcomeReason.INFRASTRUCTURE: _Implied(exit_code=EXIT_TOOL, has_log=False, help=_AGAIN),
    OutcomeReason.NO_RESULT: _Implied(),
    OutcomeReason.LOST: _Implied(),
    OutcomeReason.UNKNOWN: _Implied(),
    OutcomeReason.BUCKET_GONE: _Implied(exit_code=EXIT_TOOL, has_log=False, help=_CHECK),
    OutcomeReason.NOT_STARTED: _Implied(has_log=False, help=_CHECK),
    OutcomeReason.INTERRUPTED: _Implied(exit_code=EXIT_INTERRUPT),
    OutcomeReason.CANCELLED: _Implied(
        exit_code=EXIT_INTERRUPT,
        has_log=False,
        help="aws-run submit …",  # it may have no image yet to `rerun`
    ),
}
