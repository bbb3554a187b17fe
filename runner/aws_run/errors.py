"""Every failure that a user can meet: what happened, what to do next, and the exit code.

Exit codes are a contract (docs): the job's own verbatim; 2 usage or config; 124 deadline or cost cap;
125 the tool or AWS; 130 interrupt.
"""

from __future__ import annotations

from pathlib import Path

from aws_run.frozen import frozen

EXIT_USAGE = 2
EXIT_DEADLINE = 124
EXIT_TOOL = 125
EXIT_INTERRUPT = 130


@frozen
class Place:
    """Where in a file a mistake is. `line` counts from 1; None where the whole file is meant."""

    path: Path
    line: int | None = None


class AwsRunError(Exception):
    """One clear sentence (`message`), what to do next (`hint`) and the exit code of the command. `place`: the file that
    has to be corrected, where it is one."""

    exit_code = EXIT_TOOL

    def __init__(self, message: str, *, hint: str | None = None, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place


class UsageError(AwsRunError):
    """The request can't be right, and no AWS call was needed to see it."""

    exit_code = EXIT_USAGE


class DeclinedError(UsageError):
    """The user was asked and said no, which is no mistake: the sentence tells what was left undone."""


class RefChangedError(UsageError):
    """The code that was asked for is no longer what would be run."""


class ConfigError(UsageError):
    """aws-run.yaml, a flag or an AWS_RUN_* variable is wrong; the message names file, line and key."""


class SourceError(UsageError):
    """The project folder can't be run as it is: no script, several candidates, a link that leaves it."""


class FarTooMuchError(UsageError):
    """The project's folder is a home folder or holds one: only to look at all of it may take minutes."""


class AmbiguousScriptError(SourceError):
    """Several scripts would do. `candidates`: each one's path in the project, and the argv that starts it."""

    def __init__(
        self, message: str, *, candidates: tuple[tuple[str, tuple[str, ...]], ...], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.candidates = candidates


class DockerError(AwsRunError):
    """No Docker engine answers, or it can't do what is needed."""


class BuildError(AwsRunError):
    """The image did not build. `log_tail` holds the last lines of pip's or Docker's own output."""

    def __init__(
        self, message: str, *, log_tail: tuple[str, ...] = (), hint: str | None = None, place: Place | None = None
    ) -> None:
        super().__init__(message, hint=hint, place=place)
        self.log_tail = log_tail


class CredentialsError(AwsRunError):
    """AWS credentials or the region are missing, expired or refused. `code`: AWS's own, where it answered."""

    def __init__(self, message: str, *, hint: str | None = None, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class AwsCallError(AwsRunError):
    """An AWS call failed. `code` is AWS's own error code, `operation` the API's name for the call, `status` the HTTP
    status if there was a response."""

    def __init__(
        self, message: str, *, code: str, operation: str, hint: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.operation = operation
        self.status = status


class OutOfReachError(AwsRunError):
    """AWS can no longer be reached about an accepted run, which goes on there without this client."""


class PreflightError(AwsRunError):
    """The account can't run this: no default VPC, a quota of 0, a type not offered. Nothing was created."""


class CapacityError(AwsRunError):
    """AWS has no instance of the kind that was requested, or it never joined the cluster. `code`: AWS's own for the
    refusal, empty where there is none. `passes`: the same request may well be accepted a little later."""

    def __init__(self, message: str, *, code: str = "", hint: str | None = None, passes: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.passes = passes


class DeadlineError(AwsRunError):
    """A run was stopped by its own limit, `--timeout` or `--max-cost`, before its job ran."""

    exit_code = EXIT_DEADLINE


class TransferError(AwsRunError):
    """Files could not be sent or fetched."""


class RunNotFoundError(UsageError):
    """No run of that name is recorded in the bucket."""


class DamagedError(AwsRunError):
    """A run's record is damaged. Listings show that in this run's line; other runs are not affected."""


class TeardownError(AwsRunError):
    """Something could not be confirmed to be gone. `commands` remove it by hand."""

    def __init__(self, message: str, *, commands: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.commands = commands


class InterruptedRunError(AwsRunError):
    """Ctrl-C or SIGTERM."""

    exit_code = EXIT_INTERRUPT


def sentence_of(error: BaseException) -> str:
    """One line about any exception."""
    if isinstance(error, AwsRunError):
        return error.message
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
