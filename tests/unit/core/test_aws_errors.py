"""botocore's errors in the tool's words, and which of them a moment may cure."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto

from aws_run.aws.errors import passes, translate
from aws_run.errors import AwsCallError

UNANSWERED: list[Exception] = [
    boto.EndpointConnectionError(endpoint_url="https://x", error="refused"),
    boto.ConnectTimeoutError(endpoint_url="https://x", error="late"),
    boto.ReadTimeoutError(endpoint_url="https://x", error="late"),
    boto.SSLError(endpoint_url="https://x", error="handshake"),
    boto.ProxyConnectionError(proxy_url="http://p", error="refused"),
    boto.ConnectionClosedError(endpoint_url="https://x", error="closed"),
    boto.ResponseStreamingError(error="cut"),
]


@pytest.mark.parametrize("error", UNANSWERED, ids=lambda error: type(error).__name__)
def test_a_call_without_an_answer_may_work_a_moment_later(error: Exception) -> None:
    told = translate(error, service="ecs", operation="run_task")
    assert isinstance(told, AwsCallError)
    assert told.code == "ConnectionError"
    assert passes(told)
    assert "network" in (told.hint or "")


def test_a_call_that_was_never_sent_for_its_own_fault_does_not_pass() -> None:
    told = translate(boto.ParamValidationError(report="x"), service="ecs", operation="run_task")
    assert isinstance(told, AwsCallError)
    assert not passes(told)
