"""What a stranger can send to an embedded AWS: raw requests, with headers as a page, a local user or a job would have them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ECS = "AmazonEC2ContainerServiceV20141113"
PAGE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    text: str

    @property
    def gives_permission(self) -> bool:
        """Whether a browser would let a page of another origin go on, or read this."""
        return any(name.startswith("access-control-") for name in self.headers)


def send(
    address: str, path: str, headers: Mapping[str, str], *, method: str = "POST", body: bytes = b"", host: str = ""
) -> Answer:
    """One request to `address` (host:port), with nothing in it that was not asked for. `host`: None of its own."""
    connection = http.client.HTTPConnection(address, timeout=90)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host or address, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.getheaders()},
            text=answer.read().decode(errors="replace"),
        )
    finally:
        connection.close()


def address_of(url: str) -> str:
    return urlsplit(url).netloc


def forged(service: str, operation: str, key: str = "AKIAIOSFODNN7EXAMPLE") -> dict[str, str]:
    """Headers that look as if they were signed, by a key that anybody can think of."""
    scope = f"{key}/20260101/us-east-1/{service}/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Target": f"{ECS}.{operation}" if service == "ecs" else operation,
        "Content-Type": "application/x-amz-json-1.1",
    }


def signed(
    url: str, keys: Credentials, service: str, *, method: str = "POST", body: bytes = b"", **headers: str
) -> dict[str, str]:
    """The headers of a request that `keys` have truly signed, `headers` (with _ for -) among them."""
    request = AWSRequest(
        method=method, url=url, data=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    signer: Any = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(keys, service, "us-east-1").add_auth(request)
    return {"Host": address_of(url), **dict(request.headers.items())}


def ecs(operation: str, **parameters: Any) -> tuple[dict[str, str], bytes]:
    headers = {"X_Amz_Target": f"{ECS}.{operation}", "Content_Type": "application/x-amz-json-1.1"}
    return headers, json.dumps(parameters).encode()
