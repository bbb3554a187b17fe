"""Only a code that says so means that something is gone."""

from __future__ import annotations

import pytest
from tests.unit.fakes import FakeAws

from aws_run.aws.absence import call_unless_gone
from aws_run.errors import AwsCallError

GONE = ("NoSuchEntity",)


def refused(code: str) -> AwsCallError:
    return AwsCallError("no", code=code, operation="GetRole")


def test_what_a_service_calls_gone_has_no_answer() -> None:
    aws = FakeAws().on("get_role", refused("NoSuchEntity"))
    assert call_unless_gone(aws, GONE, "iam", "get_role", RoleName="r") is None


def test_an_empty_answer_is_an_answer() -> None:
    assert call_unless_gone(FakeAws(), GONE, "iam", "delete_role", RoleName="r") == {}


def test_a_refusal_says_nothing_of_absence() -> None:
    aws = FakeAws().on("get_role", refused("AccessDenied"))
    with pytest.raises(AwsCallError, match="no"):
        call_unless_gone(aws, GONE, "iam", "get_role", RoleName="r")
