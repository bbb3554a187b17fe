"""botocore's errors in the tool's words, and which of them a moment may cure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as boto

from aws_run.aws.errors import is_transient, translate
from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError, CredentialsError, UsageError

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
    assert is_transient(told)
    assert "network" in (told.hint or "")


def test_a_call_that_was_never_sent_for_its_own_fault_does_not_pass() -> None:
    told = translate(boto.ParamValidationError(report="x"), service="ecs", operation="run_task")
    assert isinstance(told, AwsCallError)
    assert not is_transient(told)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("iam", "ServiceFailure"),
        ("scheduler", "InternalServerException"),
        ("autoscaling", "ResourceContention"),
        ("ecs", "ServerException"),
        ("ecs", "SomethingNew"),
    ],
)
def test_a_server_error_is_told_by_its_status_whatever_it_is_called(service: str, code: str) -> None:
    def answered(status: int) -> AwsCallError:
        response: Any = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        told = translate(boto.ClientError(response, "Delete"), service=service, operation="delete")
        assert isinstance(told, AwsCallError)
        return told

    assert [answered(status).status for status in (400, 500)] == [400, 500]
    assert [is_transient(answered(status)) for status in (500, 503)] == [True, True]
    assert is_transient(answered(400)) is (code == "ServerException")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with credentials and nothing else; the path of its AWS configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    for name, value in {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "x", "CONFIG_FILE": str(config)}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return config


@pytest.mark.parametrize("region", [None, "", " "])
@pytest.mark.parametrize("configured", [None, "[default]\nregion = \n"])
def test_no_region_is_said_and_never_taken_for_a_global_one(
    bare: Path, monkeypatch: pytest.MonkeyPatch, region: str | None, configured: str | None
) -> None:
    if region is not None:
        monkeypatch.setenv("AWS_REGION", region)
    if configured is not None:
        bare.write_text(configured)
    with pytest.raises(CredentialsError, match="No AWS region is set") as caught:
        Aws().identity()
    assert "--region" in (caught.value.hint or "")


def test_without_region_and_credentials_both_are_told_in_one_round(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(bare.parent / "none"))
    with pytest.raises(CredentialsError, match="No AWS region is set, and no AWS credentials were found") as caught:
        Aws().identity()
    assert "aws configure" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_REGION", "us east 1"), ("AWS_ENDPOINT_URL", "nonsense"), ("AWS_PROFILE", "nope"), ("file", "[default\nx")],
)
def test_settings_that_cannot_be_used_are_a_sentence_and_a_hint(
    bare: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    if name == "file":
        bare.write_text(value)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError if name == "AWS_REGION" else CredentialsError) as caught:
        Aws().identity()
    assert caught.value.hint


DENIALS = [
    ("User: u is not authorized to perform: ecs:RunTask on resource: r with an explicit deny in a service control policy", "service control policy", "who manages the AWS organization"),
    ("User: u is not authorized to perform: ecs:RunTask because no service control policy allows the ecs:RunTask action", "service control policy", "who manages the AWS organization"),
    ("You are not authorized to perform this operation. User: u is not authorized to perform: ec2:CreateVpc on resource: r with an explicit deny in a service control policy. Encoded authorization failure message: x", "service control policy", "who manages the AWS organization"),
    ("User: u is not authorized to perform: s3:PutObject on resource: r with an explicit deny in a resource control policy", "resource control policy", "who manages the AWS organization"),
    ("User: u is not authorized to perform: iam:CreateRole on resource: r because no permissions boundary allows the iam:CreateRole action", "permissions boundary", "who set the boundary"),
    ("User: u is not authorized to perform: s3:GetObject with an explicit deny in a session policy", "session policy", "sign in with others"),
    ("User: u is not authorized to perform: s3:GetObject with an explicit deny in a VPC endpoint policy", "vpc endpoint policy", "who manages the network"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "who"), DENIALS, ids=[f"{row[1]}-{at}" for at, row in enumerate(DENIALS)])
def test_a_denial_by_another_policy_than_the_callers_names_it_and_who_can_change_it(
    text: str, kind: str, who: str
) -> None:
    error = translate(
        boto.ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, "RunTask"),
        service="ecs",
        operation="RunTask",
    )
    assert f"a {kind} denies it" in str(error.hint)
    assert who in str(error.hint)


def test_any_other_denial_is_one_of_the_callers_own_rights() -> None:
    text = "User: u is not authorized to perform: ecs:RunTask because no identity-based policy allows the action"
    error = translate(
        boto.ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, "RunTask"),
        service="ecs",
        operation="RunTask",
    )
    assert "to allow ecs:RunTask" in str(error.hint)
