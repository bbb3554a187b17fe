"""How a failed save is described, and whether trying again may help."""

from __future__ import annotations

from .transfer import BarredError, EngineError, NetworkError, NoCredentialsError, S3Error, worth_retrying


def describe(error: Exception) -> str:
    """One line; of an error that nobody foresaw the type as well."""
    return str(error) if isinstance(error, (EngineError, OSError)) else f"{type(error).__name__}: {error}"


def is_transient(error: Exception) -> bool:
    if isinstance(error, S3Error):
        return worth_retrying(error) or (error.status >= 500 and error.status != 501)
    if isinstance(error, NetworkError):
        return not isinstance(error, BarredError)
    return isinstance(error, NoCredentialsError)
