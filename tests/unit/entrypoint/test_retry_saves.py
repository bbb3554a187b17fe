from __future__ import annotations

import pytest

from aws_run_entrypoint.errors import describe, is_transient
from aws_run_entrypoint.retry_saves import Save, save_all
from aws_run_entrypoint.transfer import (
    BarredError,
    CorruptError,
    EngineError,
    NetworkError,
    NoCredentialsError,
    S3Error,
)


def refused(status: int, code: str) -> S3Error:
    return S3Error(status=status, code=code, message="", method="PUT", key="k")


class Outage:
    """A clock, and saves that fail until it shows a certain time."""

    def __init__(self) -> None:
        self.at = 0.0
        self.tried: list[str] = []
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at += seconds

    def save(self, what: str, error: Exception | None = None, until: float = float("inf")) -> Save:
        def act() -> None:
            self.tried.append(what)
            if error is not None and self.at < until:
                raise error

        return Save(what, act)

    def run(self, *saves: Save, until: float = 600) -> list[tuple[str, Exception]]:
        lost = save_all(
            saves,
            until=lambda: until,
            say=self.said.append,
            now=lambda: self.at,
            sleep=self.sleep,
            wall=lambda: self.at,
        )
        return [(save.what, error) for save, error in lost]


GONE = NetworkError("connection refused")


def test_an_outage_is_waited_out_and_told_once() -> None:
    outage = Outage()
    assert outage.run(outage.save("the outputs", GONE, until=60)) == []
    assert 60 <= outage.at <= 70
    assert outage.said == [
        "S3 can't be reached to save the outputs (connection refused); trying again until 00:10 UTC",
        "S3 can be reached again",
    ]


def test_when_the_time_is_up_the_last_error_is_given_back() -> None:
    outage = Outage()
    assert outage.run(outage.save("the outputs", GONE)) == [("the outputs", GONE)]
    assert outage.at == 600


def test_without_time_each_is_tried_once_all_the_same() -> None:
    outage = Outage()
    assert outage.run(outage.save("a", GONE), outage.save("b"), until=0) == [("a", GONE)]
    assert (outage.tried, outage.said) == (["a", "b"], [])


def test_a_stop_that_comes_meanwhile_shortens_it() -> None:
    outage = Outage()
    lost = save_all(
        [outage.save("a", GONE)],
        until=lambda: 600 if outage.at < 10 else 100,
        say=outage.said.append,
        now=lambda: outage.at,
        sleep=outage.sleep,
        wall=lambda: outage.at,
    )
    assert len(lost) == 1
    assert 100 <= outage.at <= 110
    assert [line[-9:] for line in outage.said] == ["00:10 UTC", "00:01 UTC"]


def test_only_what_failed_is_tried_again() -> None:
    outage = Outage()
    assert outage.run(outage.save("a", GONE, until=1), outage.save("b")) == []
    assert outage.tried == ["a", "b", "a"]


@pytest.mark.parametrize("error", [RecursionError("too deep"), refused(403, "AccessDenied"), OSError(28, "full")])
def test_what_does_not_pass_is_not_repeated_and_costs_the_others_nothing(error: Exception) -> None:
    outage = Outage()
    assert outage.run(outage.save("a", error), outage.save("b")) == [("a", error)]
    assert (outage.tried, outage.at) == (["a", "b"], 0)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (NetworkError("x"), True),
        (BarredError("x"), False),
        (NoCredentialsError("x"), True),
        (refused(500, "InternalError"), True),
        (refused(503, "SlowDown"), True),
        (refused(507, "Odd"), True),
        (refused(501, "NotImplemented"), False),
        (refused(429, "Odd"), True),
        (refused(408, "Odd"), True),
        (refused(400, "ThrottlingException"), True),
        (refused(404, "NoSuchBucket"), False),
        (refused(403, "AccessDenied"), False),
        (CorruptError("x"), False),
        (EngineError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_may_pass(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes


def test_what_nobody_foresaw_is_told_with_its_type() -> None:
    assert describe(RecursionError("too deep")) == "RecursionError: too deep"
    assert describe(NetworkError("gone")) == "gone"
