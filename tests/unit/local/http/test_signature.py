"""Signatures as clients make them, checked; and what is refused when one thing about them is not true."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aws_run.local.http.protocol import Call, Reply
from aws_run.local.http.signature import claim_of, refused
from aws_run_entrypoint.transfer import Credentials as OurCredentials
from aws_run_entrypoint.transfer.signing import Signer, encode_path, encode_query

KEYS = Credentials("AKIAMINE", "secret")
URL = "http://127.0.0.1:8000"


def environ(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> dict[str, Any]:
    """What a WSGI server makes of a request."""
    parts = urlsplit(url)
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
        "PATH_INFO": unquote(parts.path or "/"),
        "QUERY_STRING": parts.query,
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        made[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return made


def signed(
    method: str = "GET",
    url: str = f"{URL}/",
    service: str = "s3",
    body: bytes = b"",
    signer: Any = None,
    **headers: str,
) -> dict[str, Any]:
    """A request that botocore has signed with KEYS."""
    request = AWSRequest(
        method=method, url=url, data=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    chosen = signer or (S3SigV4Auth if service == "s3" else SigV4Auth)(KEYS, service, "us-east-1")
    chosen.add_auth(request)
    return environ(method, str(request.url), dict(request.headers.items()), body)


def verdict(sent: dict[str, Any], *, secret: str | None = "secret", ahead_s: float = 0.0) -> str:
    """The code of the refusal, "" for none; `ahead_s`: what AWS's clock is ahead of the client's."""
    claim = claim_of(sent)
    if claim is None:
        return "unsigned"
    body = b"" if claim.service == "s3" else sent["wsgi.input"].read()
    call = Call(
        service=claim.service, operation="", region=claim.region, access_key=claim.access_key, environ=sent, body=body,
        proceed=lambda: Reply(status=200, headers=(), body=b""),
    )  # fmt: skip
    now = datetime.now(timezone.utc) + timedelta(seconds=ahead_s)
    answer = refused(call, claim, secret, (now,))
    return "" if answer is None else answer.code


AWKWARD = [
    "/bucket/sp%20ace/%C3%BC%2B%25%26%3F%23%27.txt", "/bucket//two/../dots/./a", "/bucket/a~b_c-d.e", "/", "/bucket/",
    "/bucket/a%0Ab", "/bucket/%E6%97%A5%E6%9C%AC",
]  # fmt: skip
QUERIES = [
    "",
    "list-type=2&prefix=a%2Fb%20c&delimiter=%2F",
    "versions",
    "uploadId=a%2Bb%3D%3D&partNumber=1",
    "b=2&a=1&a=0",
    "empty=",
]


@pytest.mark.parametrize("path", AWKWARD)
@pytest.mark.parametrize("query", QUERIES)
def test_what_boto3_signs_for_s3_is_true(path: str, query: str) -> None:
    assert verdict(signed("PUT", f"{URL}{path}?{query}".rstrip("?"), body=b"body", content_type="text/plain")) == ""


@pytest.mark.parametrize("path", AWKWARD)
def test_what_our_own_engine_signs_is_true(path: str) -> None:
    signer = Signer("us-east-1")
    raw = unquote(path)
    query = encode_query([("list-type", "2"), ("prefix", "a b/ü+"), ("versions", "")])
    headers = signer.headers(
        "PUT", encode_path(raw), query, headers=[("host", "127.0.0.1:8000"), ("x-amz-meta-a_b", "two  blanks ")],
        credentials=OurCredentials("AKIAMINE", "secret"), stamp=signer.stamp(),
    )  # fmt: skip
    sent = environ("PUT", f"{URL}{encode_path(raw)}?{query}", dict(headers), b"whatever it is")
    assert verdict(sent) == ""
    assert verdict({**sent, "HTTP_X_AMZ_META_A_B": "another"}) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("service", ["ecs", "sts", "ec2", "iam", "scheduler"])
def test_what_boto3_signs_for_other_services_is_true(service: str) -> None:
    url = f"{URL}/schedules/a%20b" if service == "scheduler" else f"{URL}/"
    assert verdict(signed("POST", url, service, b"Action=X", x_amz_target="a.B", content_type="text/plain")) == ""


def test_a_presigned_url_is_true_until_it_expires_and_for_nothing_else() -> None:
    url = f"{URL}/bucket/a%20b?versionId=1"
    sent = signed("GET", url, signer=S3SigV4QueryAuth(KEYS, "s3", "us-east-1", expires=3600))
    assert verdict(sent, ahead_s=3500) == ""
    assert verdict(sent, ahead_s=3700) == "AccessDenied"
    assert verdict(sent, ahead_s=-1000) == "AccessDenied"
    assert verdict({**sent, "REQUEST_METHOD": "DELETE"}) == "SignatureDoesNotMatch"
    other = sent["REQUEST_URI"].replace("versionId=1", "versionId=2")
    assert verdict({**sent, "REQUEST_URI": other}) == "SignatureDoesNotMatch"
    longer = {**sent, "REQUEST_URI": sent["REQUEST_URI"].replace("Expires=3600", "Expires=9999")}
    longer["QUERY_STRING"] = longer["QUERY_STRING"].replace("Expires=3600", "Expires=9999")
    assert verdict(longer) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(("service", "code"), [("s3", "SignatureDoesNotMatch"), ("ecs", "InvalidSignatureException")])
@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "DELETE"}, {"REQUEST_URI": "/other"}, {"REQUEST_URI": "/bucket/key?x=2"},
        {"HTTP_HOST": "other:1"}, {"CONTENT_TYPE": "other"}, {"HTTP_X_AMZ_DATE": "20260101T000000Z"},
    ],
)  # fmt: skip
def test_one_thing_that_was_changed_after_it_was_signed_is_seen(
    service: str, code: str, changed: dict[str, str]
) -> None:
    sent = signed("POST", f"{URL}/bucket/key?x=1", service, b"body", content_type="text/plain", x_amz_target="a.B")
    assert verdict(sent) == ""
    assert verdict({**sent, **changed}) == code
    assert verdict(sent, secret="other") == code


def test_another_body_than_was_signed_is_seen() -> None:
    for service, code in (("s3", "XAmzContentSHA256Mismatch"), ("ecs", "InvalidSignatureException")):
        sent = signed("POST", f"{URL}/bucket/key", service, b"body")
        assert verdict({**sent, "wsgi.input": io.BytesIO(b"ydob")}) == code


@pytest.mark.parametrize(
    "word", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
)
def test_a_body_that_is_not_signed_as_a_whole_may_be_sent_to_s3_alone(word: str) -> None:
    signer = Signer("us-east-1")
    headers = signer.headers(
        "PUT",
        "/bucket/key",
        "",
        headers=[("host", "127.0.0.1:8000")],
        credentials=OurCredentials("AKIAMINE", "secret"),
        stamp=signer.stamp(),
        payload_hash=word,
    )
    assert verdict(environ("PUT", f"{URL}/bucket/key", dict(headers), b"any")) == ""
    ecs = Signer("us-east-1", "ecs")
    headers = ecs.headers(
        "POST",
        "/",
        "",
        headers=[("host", "127.0.0.1:8000")],
        credentials=OurCredentials("AKIAMINE", "secret"),
        stamp=ecs.stamp(),
        payload_hash=word,
    )
    assert verdict(environ("POST", f"{URL}/", dict(headers), b"any")) == "InvalidSignatureException"


def test_s3_takes_no_header_of_its_own_that_was_not_signed() -> None:
    sent = signed("PUT", f"{URL}/bucket/key", body=b"body")
    assert verdict({**sent, "HTTP_X_AMZ_COPY_SOURCE": "/other/key"}) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "RequestTimeTooSkewed"),
        ("ecs", "InvalidSignatureException"),
        ("ec2", "RequestExpired"),
        ("iam", "SignatureDoesNotMatch"),
    ],
)
def test_a_quarter_of_an_hour_either_way_is_allowed_and_no_more(service: str, code: str) -> None:
    for ahead_s in (-890.0, 0.0, 890.0):
        assert verdict(signed("POST", service=service), ahead_s=ahead_s) == ""
    for ahead_s in (-910.0, 910.0):
        assert verdict(signed("POST", service=service), ahead_s=ahead_s) == code


def test_a_key_that_was_never_handed_out_signs_nothing() -> None:
    assert verdict(signed(), secret=None) == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer x", "AWS AKIAMINE:signature", "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=A/20260101/r/batch/aws4_request, Credential=A/20260101/r/s3/aws4_request, SignedHeaders=host",
        f"AWS4-HMAC-SHA256 Credential=A/20260101/r/batch/aws4_request, Credential=A/20260101/r/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}",
        f"AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request, SignedHeaders=x-amz-date, Signature={'0' * 64}",
        f"AWS4-HMAC-SHA256 Credential=A/20260101/r.batch/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}",
        f"AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request/x, SignedHeaders=host, Signature={'0' * 64}",
        f"AWS4-ECDSA-P256-SHA256 Credential=A/20260101/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}",
    ],
)  # fmt: skip
def test_what_is_no_signature_of_this_kind_is_none(header: str) -> None:
    sent = {**signed(), "HTTP_AUTHORIZATION": header}
    assert claim_of(sent) is None


def test_two_signatures_are_none() -> None:
    sent = signed("GET", f"{URL}/b/k", signer=S3SigV4QueryAuth(KEYS, "s3", "us-east-1"))
    assert claim_of(sent) is not None
    assert claim_of({**sent, "HTTP_AUTHORIZATION": signed()["HTTP_AUTHORIZATION"]}) is None
    assert (
        claim_of({**sent, "QUERY_STRING": f"{sent['QUERY_STRING']}&X-Amz-Credential=B/20260101/r/s3/aws4_request"})
        is None
    )
