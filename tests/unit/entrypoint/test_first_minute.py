"""What S3 refuses in a container's first minute is asked for again; what stays refused is told, and when."""

from __future__ import annotations

import pytest

from aws_run_entrypoint.first_minute import FirstMinute
from aws_run_entrypoint.transfer import ChangedError, EngineError, NetworkError, NoManifestError, S3Error


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def refused(status: int, code: str) -> S3Error:
    return S3Error(status=status, code=code, message="", method="GET", key="inputs/a")


def behind(error: EngineError, cause: S3Error) -> EngineError:
    error.__cause__ = cause
    return error


PASSING = [
    refused(403, "AccessDenied"),
    refused(404, "NoSuchKey"),
    refused(404, "NoSuchVersion"),
    NoManifestError("there is no manifest"),
    behind(EngineError("'a' is no longer in the bucket"), refused(404, "NoSuchKey")),
    behind(EngineError("s3://b/a may not be read"), refused(403, "AccessDenied")),
]
LASTING = [
    refused(404, "NoSuchBucket"),
    refused(412, "PreconditionFailed"),
    behind(ChangedError("s3://b/a was removed"), refused(404, "NoSuchKey")),
    NetworkError("no route"),
]


@pytest.mark.parametrize("error", PASSING)
def test_what_passes_is_tried_again_and_told_once(error: EngineError) -> None:
    time, said = Time(), list[str]()
    answers: list[object] = [error, error, "there"]

    def action() -> object:
        answer = answers.pop(0)
        if isinstance(answer, EngineError):
            raise answer
        return answer

    assert FirstMinute(60, said.append, monotonic=time.monotonic, sleep=time.sleep).patiently(action) == "there"
    assert len(said) == 1


def fails(error: EngineError, time: Time, minute: FirstMinute) -> float:
    """How long it was tried."""

    def action() -> None:
        raise error

    began = time.now
    with pytest.raises(type(error)):
        minute.patiently(action)
    return time.now - began


@pytest.mark.parametrize("error", LASTING)
def test_what_lasts_is_raised_at_once(error: EngineError) -> None:
    time = Time()
    assert fails(error, time, FirstMinute(60, lambda text: None, monotonic=time.monotonic, sleep=time.sleep)) == 0


def test_after_the_first_minute_a_refusal_is_one() -> None:
    time = Time()
    minute = FirstMinute(60, lambda text: None, monotonic=time.monotonic, sleep=time.sleep)
    assert 60 <= fails(PASSING[0], time, minute) < 71
    assert fails(PASSING[0], time, minute) == 0
