"""What went wrong in a sync: how it is told, and whether it may pass."""

from __future__ import annotations

from .transfer import BarredError, EngineError, NetworkError, NoCredentialsError, S3Error, worth_retrying


def told(error: Exception) -> str:
    """Of what nobody foresaw the type is half of the story."""
    return str(error) if isinstance(error, (EngineError, OSError)) else f"{type(error).__name__}: {error}"


def may_pass(error: Exception) -> bool:
    if isinstance(error, S3Error):
        return worth_retrying(error) or (error.status >= 500 and error.status != 501)
    if isinstance(error, NetworkError):
        return not isinstance(error, BarredError)
    return isinstance(error, NoCredentialsError)
