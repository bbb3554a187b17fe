"""Checks of S3 that moto lacks: whose bucket it is, the namespace of its name, what its policy says to everybody, and
checksums of what is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from aws_run.local.api.s3_checksums import wrong_checksum
from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState

# S3's guide, "Namespaces for general purpose buckets".
_WITHOUT_NAMESPACE = ("me-south-1", "me-central-1")
_REGIONAL = re.compile(r"-\d{12}-[a-z0-9-]+-an$")


def refusal(world: AccountState, call: Call) -> Refusal | None:
    """Why S3 refuses the request before it is carried out; None if it does not."""
    _note_versioning(world, call)
    return (
        wrong_owner(world, call)
        or _missing_namespace(call)
        or _public_policy(world, call)
        or _not_there_yet(world, call)
        or wrong_checksum(world, call)
    )


def wrong_owner(world: AccountState, call: Call) -> Refusal | None:
    """AccessDenied when x-amz-expected-bucket-owner names someone else."""
    for header in ("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER"):
        expected = call.environ.get(header)
        if expected and expected != owner(world, call.path.lstrip("/").partition("/")[0]):
            return Refusal("AccessDenied", "Access Denied", status=403)
    return None


def owner(world: AccountState, bucket: str) -> str:
    """Whose bucket it is; `foreign_buckets` stand for those that someone else took first."""
    return "999999999999" if bucket in world.foreign_buckets else world.account


def _missing_namespace(call: Call) -> Refusal | None:
    """CreateBucket under a name of the account-regional namespace has to say so in a header."""
    bucket, _, key = call.path.strip("/").partition("/")
    creates = call.method == "PUT" and bucket and not key and not call.query
    if creates and call.environ.get("HTTP_X_AMZ_BUCKET_NAMESPACE") and call.region in _WITHOUT_NAMESPACE:
        # That it is refused there is documented, in which words is not.
        return Refusal("InvalidNamespaceHeader", f"There is no account-regional namespace in {call.region}.")
    if creates and _REGIONAL.search(bucket) and call.environ.get("HTTP_X_AMZ_BUCKET_NAMESPACE") != "account-regional":
        return Refusal(
            "MissingNamespaceHeader",
            "The requested bucket is an account-regional namespace bucket, but your request is missing the required "
            "x-amz-bucket-namespace header.",
        )
    return None


def _note_versioning(world: AccountState, call: Call) -> None:
    if call.method == "PUT" and "versioning" in call.query:
        world.versioned_at.setdefault(call.path.strip("/"), world.clock.now())


def _not_there_yet(world: AccountState, call: Call) -> Refusal | None:
    """After versioning was enabled an object's GET may be answered with 404 for a while, which AWS's documentation of
    PutBucketVersioning calls intermittent; here it is every one."""
    bucket, _, key = call.path.lstrip("/").partition("/")
    since = world.versioned_at.get(bucket)
    if call.method != "GET" or not key or since is None:
        return None
    if (world.clock.now() - since).total_seconds() >= world.options.versioning_settle_s:
        return None
    return Refusal("NoSuchKey", "The specified key does not exist.", status=404)


def _public_policy(world: AccountState, call: Call) -> Refusal | None:
    """Under BlockPublicPolicy a bucket takes no policy that allows something to everybody (S3's guide, "The meaning of
    public": a statement is not public whose condition holds it to fixed values)."""
    if call.method != "PUT" or "policy" not in call.query:
        return None
    bucket = world.moto("s3", world.partition).buckets.get(call.path.strip("/"))
    block = getattr(bucket, "public_access_block", None)
    if block is None or str(block.block_public_policy).lower() != "true":
        return None
    try:
        document = json.loads(call.whole_body())
    except ValueError:
        return None  # which is refused for that
    statements = document.get("Statement") if isinstance(document, dict) else None
    rows = [statements] if isinstance(statements, dict) else statements or []
    if not any(_is_public(row) for row in rows if isinstance(row, dict)):
        return None
    return Refusal(
        "AccessDenied",
        f"User: {world.arn('iam', '', 'root')} is not authorized to perform: s3:PutBucketPolicy on resource: "
        f'"arn:aws:s3:::{bucket.name}" because public policies are prevented by the BlockPublicPolicy setting in S3 '
        "Block Public Access.",
        status=403,
    )


def _is_public(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    everybody = "*" in (named if isinstance(named, list) else [named])
    values = [str(value) for test in (statement.get("Condition") or {}).values() for value in test.values()]
    return statement.get("Effect") == "Allow" and everybody and (not values or any("*" in value for value in values))
