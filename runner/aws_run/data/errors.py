"""Translates the engine's errors into the tool's, with hints about what to do next."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from aws_run.errors import AwsRunError, CredentialsError, InterruptedRunError, TransferError, UsageError
from aws_run.hints import quoted
from aws_run_entrypoint.transfer import (
    BarredError,
    BusyError,
    DiskFullError,
    EngineError,
    LinkError,
    NetworkError,
    NoCredentialsError,
    PathError,
    S3Error,
    UnwritableError,
)

_CREDENTIAL_CODES = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "TokenRefreshRequired",
}


_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PULL = quoted("pull")
_ANOTHER_FOLDER = "Fetch into a folder that you may write to: " + quoted("pull", "-o", "FOLDER") + "."


@contextmanager
def translated(doing: str, *, into_outputs: bool = False) -> Iterator[None]:
    """`doing`: what was under way, as the beginning of a sentence: "The input could not be sent". `into_outputs`: files
    are being written into the folder of `-o`."""
    try:
        yield
    except InterruptedError as error:  # the listener's own way out
        raise InterruptedRunError(f"{doing}: it was cancelled") from error
    except (EngineError, OSError) as error:
        raise to_tool_error(doing, error, into_outputs=into_outputs) from error


def to_tool_error(doing: str, error: EngineError | OSError, *, into_outputs: bool = False) -> AwsRunError:
    if isinstance(error, OSError):
        return _from_system(doing, error, into_outputs=into_outputs)
    message = f"{doing}: {error}"
    if isinstance(error, UnwritableError):
        return TransferError(message, hint=_ANOTHER_FOLDER)
    if isinstance(error, LinkError):
        return UsageError(message, hint=_about_link(error))
    if isinstance(error, PathError):
        return UsageError(message, hint="Remove it, or leave it out with `exclude:` in aws-run.yaml.")
    if isinstance(error, NoCredentialsError):
        return CredentialsError(message, hint="Check them with " + quoted("check") + ".")
    if isinstance(error, DiskFullError):
        return TransferError(message, hint="Make room and run " + _PULL + " to fetch the rest.")
    if isinstance(error, BusyError):
        return TransferError(message, hint="When the other client is done, " + _PULL + " fetches what is missing.")
    if isinstance(error, BarredError):
        return TransferError(
            message,
            hint="Name the certificates to trust in AWS_CA_BUNDLE, and the proxy in HTTPS_PROXY (http://USER:PASSWORD@HOST).",
        )
    if isinstance(error, NetworkError):
        return TransferError(message, hint="Check the network and try again: what has arrived is not sent twice.")
    if isinstance(error, S3Error):
        if error.code in _CREDENTIAL_CODES:
            return CredentialsError(message, hint="Renew the credentials and try again.")
        if error.status == 403:
            return TransferError(
                message,
                hint="These credentials may not use the bucket: `aws sts get-caller-identity` shows whose they are.",
            )
    return TransferError(message)


def _about_link(error: LinkError) -> str:
    if error.leaves:
        return "--follow-links sends what such links lead to; or leave it out with `exclude:` in aws-run.yaml."
    if error.dangling:
        return (
            "Fetch what it stands for (`dvc pull`, `git annex get`, `git lfs pull`), remove it, or leave it out with "
            "`exclude:` in aws-run.yaml."
        )
    return "Remove it, or leave it out with `exclude:` in aws-run.yaml."


def _from_system(doing: str, error: OSError, *, into_outputs: bool) -> AwsRunError:
    """An error of this machine, without Python's `[Errno 13]`."""
    where = f"{error.filename}: " if error.filename else ""
    message = f"{doing}: {where}{error.strerror or error}"
    if error.errno in _FULL:
        return TransferError(message, hint="Make room and run " + _PULL + " to fetch the rest.")
    if error.errno in _CLOSED and into_outputs:
        return TransferError(message, hint=_ANOTHER_FOLDER)
    return TransferError(message)
