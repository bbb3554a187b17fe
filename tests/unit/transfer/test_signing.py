"""Our signatures are botocore's, byte for byte."""

from __future__ import annotations

import datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_run_entrypoint.transfer.signing import Signer, encode_path, encode_query
from aws_run_entrypoint.transfer.values import Credentials

NOW = 1_790_000_000.0
text = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40)
words = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789+/=._~ -", min_size=1, max_size=40)
headers = st.dictionaries(
    st.sampled_from(["range", "if-match", "content-md5", "content-type", "x-amz-meta-a", "x-amz-checksum-crc32"]), words
)


def boto_signature(
    monkeypatch: pytest.MonkeyPatch,
    *,
    region: str,
    method: str,
    key: str,
    query: list[tuple[str, str]],
    sent: dict[str, str],
    credentials: Credentials,
) -> str:
    class Auth(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: AWSRequest) -> str:
            return "UNSIGNED-PAYLOAD"

    when = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *a, **k: when.replace(tzinfo=None))
    url = f"https://bucket.example.com{encode_path('/' + key)}"
    if query:
        url += "?" + encode_query(query)
    request = AWSRequest(method=method, url=url, headers={"host": "bucket.example.com", **sent})
    boto = BotoCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    Auth(boto, "s3", region).add_auth(request)
    return str(request.headers["Authorization"])


@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    key=text,
    query=st.lists(st.tuples(text, st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)), max_size=4),
    sent=headers,
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    token=st.none() | st.text("abcdef/+=0123456789", min_size=1, max_size=200),
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
)
def test_signatures_equal_botocores(
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    query: list[tuple[str, str]],
    sent: dict[str, str],
    method: str,
    token: str | None,
    region: str,
) -> None:
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    signer = Signer(region)
    signed = signer.headers(
        method,
        encode_path("/" + key),
        encode_query(query),
        headers=[("host", "bucket.example.com"), *sent.items()],
        credentials=credentials,
        stamp=signer.stamp(NOW),
    )
    theirs = boto_signature(
        monkeypatch, region=region, method=method, key=key, query=query, sent=sent, credentials=credentials
    )
    assert dict(signed)["authorization"] == theirs


def test_the_signing_key_is_made_once_a_day() -> None:
    signer = Signer("us-east-1")
    first = signer._key("secret", "20260101")
    assert signer._key("secret", "20260101") is first
    assert signer._key("secret", "20260102") != first
    assert signer._key("other", "20260101") != first


def test_the_clock_is_corrected_by_what_the_server_said() -> None:
    signer = Signer("us-east-1")
    signer.offset_s = 3600
    assert signer.stamp(0) == "19700101T010000Z"
