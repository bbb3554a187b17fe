from __future__ import annotations

import io
from typing import Any

import pytest

from aws_run.local.http.iam_policy import applies, s3_request
from aws_run.local.http.protocol import Call

ACCOUNT = {"aws:resourceaccount": "123456789012", "aws:securetransport": "true"}


def statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/runs/mine/*", **changes}


def call(method: str, path: str, sent: bytes = b"", **query: str) -> Call:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
    environ |= {"wsgi.input": io.BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
    return Call(
        service="s3", operation="", region="us-east-1", access_key="", environ=environ, body=b"", query=query,
        proceed=lambda: pytest.fail("not asked for"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "resource", "expected"),
    [
        ({}, "arn:aws:s3:::b/runs/mine/a b", True),
        ({}, "arn:aws:s3:::b/runs/theirs/a", False),
        ({"Action": ["s3:Put*", "s3:Get*"]}, "arn:aws:s3:::b/runs/mine/a", True),
        ({"Action": "s3:PutObject"}, "arn:aws:s3:::b/runs/mine/a", False),
        ({"Condition": {"StringEquals": {"aws:ResourceAccount": "123456789012"}}}, "arn:aws:s3:::b/runs/mine/a", True),
        ({"Condition": {"StringEquals": {"aws:ResourceAccount": "999999999999"}}}, "arn:aws:s3:::b/runs/mine/a", False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, "arn:aws:s3:::b/runs/mine/a", False),
        ({"Condition": {"StringLike": {"s3:prefix": "runs/*"}}}, "arn:aws:s3:::b/runs/mine/a", False),
        ({"Resource": "arn:aws:s3:::b/runs/[mine]/*"}, "arn:aws:s3:::b/runs/m/a", False),
        ({"Resource": "arn:aws:s3:::b/${*}.${?}${$}x?/*"}, "arn:aws:s3:::b/*.?$xy/a\nb", True),
        ({"Resource": "arn:aws:s3:::b/${*}/*"}, "arn:aws:s3:::b/any/a", False),
    ],
)
def test_a_statement_applies_by_action_resource_and_condition(
    changes: dict[str, Any], resource: str, expected: bool
) -> None:
    assert applies(statement(**changes), "s3:GetObject", resource, ACCOUNT) is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call("GET", "/b/k/x"), ("s3:GetObject", "arn:aws:s3:::b/k/x")),
        (call("HEAD", "/b/k", versionId="1"), ("s3:GetObjectVersion", "arn:aws:s3:::b/k")),
        (call("GET", "/b", prefix="runs/"), ("s3:ListBucket", "arn:aws:s3:::b")),
        (call("PUT", "/b/k", uploadId="u"), ("s3:PutObject", "arn:aws:s3:::b/k")),
        (call("DELETE", "/b/k", uploadId="u"), ("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")),
        (call("GET", "/b", location=""), ("s3:GetBucketLocation", "arn:aws:s3:::b")),
    ],
)
def test_a_request_is_the_action_and_resource_that_s3_asks_iam_for(made: Call, expected: tuple[str, str]) -> None:
    ((action, resource),) = s3_request(made)
    assert (action, resource) == expected


def test_a_deletion_of_many_is_judged_key_by_key_and_its_body_stays_readable() -> None:
    body = b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>k/a &amp; b</Key></Object><Object>'
    body += b"<Key>other</Key></Object></Delete>"
    made = call("POST", "/b", sent=body, delete="")
    assert s3_request(made) == (
        ("s3:DeleteObject", "arn:aws:s3:::b/k/a & b"),
        ("s3:DeleteObject", "arn:aws:s3:::b/other"),
    )
    assert made.environ["wsgi.input"].read() == body


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b'<Delete><Object><Key xml:space="preserve">theirs</Key></Object></Delete>', ["theirs"]),
        (b"<Delete><Object><Key><![CDATA[theirs]]></Key></Object></Delete>", ["theirs"]),
        (b"<Delete><Object><Key >a\nb</Key></Object></Delete>", ["a\nb"]),
        (b"<Delete></Delete>", ["*"]),
        (b"no XML <Key>mine</Key>", ["*"]),
    ],
)
def test_a_deletion_is_read_as_it_is_carried_out_however_it_is_written(body: bytes, keys: list[str]) -> None:
    made = call("POST", "/b", sent=body, delete="")
    assert s3_request(made) == tuple(("s3:DeleteObject", f"arn:aws:s3:::b/{key}") for key in keys)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("/theirs/k%20x", ("s3:GetObject", "arn:aws:s3:::theirs/k x")),
        ("theirs/k?versionId=v", ("s3:GetObjectVersion", "arn:aws:s3:::theirs/k")),
    ],
)
def test_a_copy_is_a_write_and_a_read(source: str, read: tuple[str, str]) -> None:
    made = call("PUT", "/b/k")
    made.environ["HTTP_X_AMZ_COPY_SOURCE"] = source
    assert s3_request(made) == (("s3:PutObject", "arn:aws:s3:::b/k"), read)
