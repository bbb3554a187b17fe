"""What botocore would believe and nobody should: half of an answer, an answer of somebody else."""

from __future__ import annotations

import hashlib
import io
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import IncompleteReadError, ResponseStreamingError
from botocore.parsers import ResponseParserError
from tests.unit.fakes import FakeAws, FakeClock, refused

from aws_run.aws.answers import Answer, fault_of
from aws_run.aws.errors import is_transient
from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError

NAMED = {"x-amzn-RequestId": "0f3c"}
PAGE = b"<html><head><title>Sign in</title></head><body>Sign in to use this network.</body></html>"
ROLE = b"<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName></Role></GetRoleResult></GetRoleResponse>"


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="AKIA", aws_secret_access_key="x", region_name="us-east-1")


def model(session: boto3.Session, service: str, operation: str) -> Any:
    return session.client(service).meta.service_model.operation_model(operation)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("service", "operation", "body"),
    [
        ("ecs", "ListTasks", b'{"taskArns": []}'),
        ("ecs", "RunTask", b'{"failures": [{"reason": "RESOURCE:MEMORY"}], "tasks": []}'),
        ("logs", "CreateLogGroup", b""),
        ("logs", "GetLogEvents", b'{"events": [], "nextForwardToken": "f/0"}'),
        ("scheduler", "DeleteSchedule", b"{}"),
        ("iam", "GetRole", ROLE),
        ("iam", "DeleteRole", b"<DeleteRoleResponse><ResponseMetadata/></DeleteRoleResponse>"),
        ("ec2", "DescribeSubnets", b"<DescribeSubnetsResponse><subnetSet/></DescribeSubnetsResponse>"),
        ("s3", "PutObject", b""),
        ("s3", "DeleteObjects", b"<DeleteResult/>"),
        ("s3", "ListObjectsV2", b"<ListBucketResult><Name>b</Name></ListBucketResult>"),
    ],
)
def test_a_whole_answer_is_believed(session: boto3.Session, service: str, operation: str, body: bytes) -> None:
    assert fault_of(model(session, service, operation), status=200, headers=NAMED, body=body) is None


@pytest.mark.parametrize(
    ("service", "operation", "body"),
    [
        ("ecs", "ListTasks", b'{"taskAr'),
        ("ecs", "ListTasks", b""),
        ("ecs", "ListTasks", b"{}"),
        ("ecs", "ListTasks", b"[]"),
        ("ecs", "ListTasks", b'{"nextToken": "t"}'),
        ("ecs", "RunTask", b"[" * 100_000),
        ("logs", "GetLogEvents", PAGE),
        ("iam", "GetRole", ROLE[:40]),
        ("iam", "GetRole", b"<GetRoleResponse><ResponseMetadata/></GetRoleResponse>"),
        ("iam", "GetRole", b"<GetRoleResponse><GetRoleResult/></GetRoleResponse>"),
        ("iam", "DeleteRole", PAGE),
        ("iam", "DeleteRole", b""),
        ("ec2", "DescribeSubnets", b"<DescribeSubnetsResponse/>"),
        ("s3", "ListObjectsV2", b""),
        ("s3", "ListObjectsV2", PAGE),
        ("s3", "GetBucketTagging", b"<Tagging><TagS"),
    ],
)
def test_half_an_answer_is_none(session: boto3.Session, service: str, operation: str, body: bytes) -> None:
    assert fault_of(model(session, service, operation), status=200, headers=NAMED, body=body)


@pytest.mark.parametrize("status", [200, 302, 307, 403, 404, 407])
@pytest.mark.parametrize(("service", "operation"), [("ecs", "ListTasks"), ("iam", "GetRole"), ("s3", "HeadBucket")])
def test_a_page_of_somebody_on_the_way_is_no_answer_whatever_its_status(
    session: boto3.Session, service: str, operation: str, status: int
) -> None:
    """A proxy's 404 would mean that a bucket is gone, and its 403 that AWS denies."""
    body = None if operation.startswith("Head") else PAGE
    fault = fault_of(
        model(session, service, operation), status=status, headers={"Content-Type": "text/html"}, body=body
    )
    assert fault is not None
    assert "login page" in fault


@pytest.mark.parametrize(
    ("service", "operation", "status", "body"),
    [
        ("ecs", "ListTasks", 400, b'{"__type": "ClusterNotFoundException"}'),
        ("s3", "HeadBucket", 404, b""),
        ("s3", "GetBucketTagging", 404, b"<Error><Code>NoSuchTagSet</Code></Error>"),
        ("ecs", "ListTasks", 503, PAGE),
    ],
)
def test_a_refusal_of_aws_itself_is_believed(
    session: boto3.Session, service: str, operation: str, status: int, body: bytes
) -> None:
    headers = {} if status == 503 else NAMED
    assert fault_of(model(session, service, operation), status=status, headers=headers, body=body) is None


def test_half_a_refusal_is_none(session: boto3.Session) -> None:
    """botocore would take its status for AWS's code."""
    body = b'{"__type": "ClusterNotFo'
    assert fault_of(model(session, "ecs", "ListTasks"), status=400, headers=NAMED, body=body)


def test_what_an_answer_lacks_is_no_key_error() -> None:
    answer = Answer({"cluster": {"status": "ACTIVE"}, "tasks": [{"lastStatus": "RUNNING"}]}, operation="describe")
    assert answer["cluster"]["status"] == "ACTIVE"
    assert answer.get("failures") is None
    for part, missing in ((answer, "failures"), (answer["cluster"], "arn"), (answer["tasks"][0], "taskArn")):
        with pytest.raises(AwsCallError, match="describe") as caught:
            part[missing]
        assert is_transient(caught.value)


class Client:
    """A boto3 client of which every operation ends in `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def operation(**_: Any) -> Any:
            raise self._error

        return operation

    def get_paginator(self, _: str) -> Any:
        return self


class BrokenAws(Aws):
    def __init__(self, error: Exception) -> None:
        self._broken = Client(error)

    def _client(self, service: str, *, whole: bool = False) -> Any:
        return self._broken


@pytest.mark.parametrize(
    "error",
    [
        ResponseParserError("Unable to parse response, invalid XML received"),
        RecursionError("maximum recursion depth exceeded"),
        KeyError("events"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "x"),
        ValueError("Invalid timestamp"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_botocore_raises_over_an_answer_passes(error: Exception) -> None:
    for ask in (
        lambda: BrokenAws(error).call("ecs", "list_tasks"),
        lambda: list(BrokenAws(error).pages("ecs", "list_tasks", "taskArns")),
    ):
        with pytest.raises(AwsCallError) as caught:
            ask()
        assert caught.value.code == "ConnectionError"
        assert is_transient(caught.value)


# -- bodies -------------------------------------------------------------------------------------------------------


class CutBody:
    def read(self, amount: int | None = None) -> bytes:
        raise ResponseStreamingError(error="IncompleteRead(12 bytes read, 88 more expected)")


def stored(body: bytes) -> dict[str, Any]:
    return {"Body": io.BytesIO(body), "ETag": f'"{hashlib.md5(b"whole").hexdigest()}"'}


def reading(*answers: Any) -> tuple[FakeAws, FakeClock]:
    aws = FakeAws().on("get_object", *answers)
    aws._clock = FakeClock()
    return aws, aws._clock


def test_a_body_that_breaks_off_is_asked_for_again_after_a_while() -> None:
    aws, clock = reading({"Body": CutBody(), "ETag": "e"}, {"Body": CutBody(), "ETag": "e"}, stored(b"whole"))
    assert aws.read_object(Key="k")[0] == b"whole"
    assert len(clock.slept) == 2


def test_a_body_that_is_not_what_its_checksum_says_is_asked_for_again() -> None:
    aws, _ = reading(stored(b"who"), stored(b"whole"))
    assert aws.read_object(Key="k")[0] == b"whole"


def test_a_body_that_is_twice_the_same_is_what_is_there() -> None:
    """With another encryption the ETag looks like a checksum and is none."""
    aws, _ = reading(*(stored(b"other") for _ in range(3)))
    assert aws.read_object(Key="k")[0] == b"other"
    assert len(aws.calls) == 2


def test_a_part_of_an_object_is_not_measured_by_the_checksum_of_the_whole() -> None:
    aws, _ = reading(stored(b"whole"))
    assert aws.read_object(Key="k", most_bytes=2)[0] == b"who"
    aws, _ = reading(stored(b"who"))
    assert aws.read_object(Key="k", Range="bytes=0-2")[0] == b"who"
    assert len(aws.calls) == 1


def test_a_body_that_never_comes_is_an_error_that_passes() -> None:
    aws, clock = reading({"Body": CutBody(), "ETag": "e"})
    with pytest.raises(AwsCallError) as caught:
        aws.read_object(Key="k")
    assert is_transient(caught.value)
    assert 5 < clock.elapsed_s < 60


def test_a_refusal_is_no_broken_body() -> None:
    aws, _ = reading(refused("NoSuchKey"))
    with pytest.raises(AwsCallError, match="NoSuchKey"):
        aws.read_object(Key="k")
    assert len(aws.calls) == 1


# -- through botocore itself --------------------------------------------------------------------------------------


class Wire:
    """In place of botocore's HTTP session: the answers in turn."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self._answers = list(answers)
        self.sent: list[bytes] = []

    def send(self, request: Any) -> AWSResponse:
        self.sent.append(request.body)
        status, headers, body = self._answers.pop(0)
        answer = AWSResponse(request.url, status, headers, io.BytesIO(body))
        answer._content = body  # type: ignore[attr-defined]
        return answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "broken",
    [(200, NAMED, b'{"clusters": [], "fail'), (200, NAMED, b"{}"), (200, {}, PAGE), (302, {}, PAGE), (403, {}, PAGE)],
)
def test_a_call_with_a_broken_answer_is_made_again_as_it_was(
    monkeypatch: pytest.MonkeyPatch, broken: tuple[int, dict[str, str], bytes]
) -> None:
    """Above all no listing that is empty because it was cut: it would show that a cluster is gone."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    aws = Aws(region="us-east-1")
    wire = Wire(broken, (200, NAMED, b'{"clusters": [{"clusterName": "c", "status": "ACTIVE"}], "failures": []}'))
    aws._client("ecs")._endpoint.http_session = wire
    assert aws.call("ecs", "describe_clusters", clusters=["c"])["clusters"][0]["status"] == "ACTIVE"
    assert len(wire.sent) == 2
    assert wire.sent[0] == wire.sent[1]
