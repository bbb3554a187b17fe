"""A job that tries to be more than a job: standard library only, run inside a container. Prints what each attempt got."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

HERE = os.environ["AWS_ENDPOINT_URL"]
BATCH = "/v1/createcomputeenvironment"
ECS = "AmazonEC2ContainerServiceV20141113"


def ask(path: str, headers: Any = None, body: Any = None, method: str | None = None) -> list[Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(HERE + path, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return [answer.status, answer.read().decode(errors="replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode(errors="replace")]


def forged(service: str, target: str = "") -> dict[str, str]:
    scope = f"AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/{service}/aws4_request"
    signature = "0" * 64
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={signature}",
        "X-Amz-Date": "20260101T000000Z", "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1",
    }  # fmt: skip


def true(keys: Any, service: str, body: bytes, path: str = "/", method: str = "POST") -> dict[str, str]:
    """Signed by the task's role, or by a user's keys, which have no token, as an SDK does it."""
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": HERE.split("//")[1], "x-amz-content-sha256": digest, "x-amz-date": stamp,
        **({"x-amz-security-token": keys["Token"]} if "Token" in keys else {}),
    }  # fmt: skip
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{stamp[:8]}/us-east-1/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in (stamp[:8], "us-east-1", service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    who = f"Credential={keys['AccessKeyId']}/{scope}"
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={signature}"}


def main(host_pid: str, access_key: str, secret_key: str) -> None:
    with urllib.request.urlopen(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]) as answer:
        keys = json.load(answer)
    users = {"AccessKeyId": access_key, "SecretAccessKey": secret_key}  # a job may have been given them
    kill = {"pid": int(host_pid), "at": 1, "when": "before"}
    got = {
        "mine": ask("/arun-mine", true(keys, "s3", b"", "/arun-mine", "GET"), method="GET"),
        "theirs": ask("/arun-theirs", true(keys, "s3", b"", "/arun-theirs", "GET"), method="GET"),
        "theirs by the user's keys": ask("/arun-theirs", true(users, "s3", b"", "/arun-theirs", "GET"), method="GET"),
        "status": ask("/_aws-run/status"),
        "clock": ask("/_aws-run/clock?advance_s=99999", body={}),
        "kill": ask("/_aws-run/kill", body=kill),
        "reset": ask("/moto-api/reset", body={}),
        "another's credentials": ask("/v2/credentials/x"),
        "forged batch": ask(BATCH, forged("batch"), {"computeEnvironmentName": "x", "type": "UNMANAGED"}),
        "forged ecs": ask("/", forged("ecs", f"{ECS}.ListClusters"), {}),
        "forged iam": ask("/?Action=CreateRole&RoleName=x&AssumeRolePolicyDocument=%7B%7D", forged("iam"), {}),
        "forged s3": ask("/", forged("s3"), method="GET"),
    }
    for service in ("batch", "ecs", "iam", "lambda", "ec2"):
        headers = {**true(keys, service, b"{}"), "X-Amz-Target": f"{ECS}.ListClusters"}
        got[f"role {service}"] = ask("/", headers, {})
    sys.stdout.write(json.dumps(got) + "\n")


main(*sys.argv[1:])
