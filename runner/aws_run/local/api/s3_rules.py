"""Checks of S3 that moto lacks: whose bucket it is, the namespace of its name, and checksums of what is sent."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tempfile
import zlib
from collections.abc import Callable
from typing import Any

from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20
# S3's guide, "Namespaces for general purpose buckets".
_WITHOUT_NAMESPACE = ("me-south-1", "me-central-1")
_REGIONAL = re.compile(r"-\d{12}-[a-z0-9-]+-an$")


def refusal(world: AccountState, call: Call) -> Refusal | None:
    """Why S3 refuses the request before it is carried out; None if it does not."""
    _note_versioning(world, call)
    return wrong_owner(world, call) or _missing_namespace(call) or _not_there_yet(world, call) or _wrong_checksum(call)


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


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# Header (as WSGI names it) -> what computes it. CRC-32C and CRC-64 are not in the standard library and not checked.
_SUMS: dict[str, Callable[[], Any]] = {
    "HTTP_X_AMZ_CHECKSUM_CRC32": _Crc32,
    "HTTP_X_AMZ_CHECKSUM_SHA1": hashlib.sha1,
    "HTTP_X_AMZ_CHECKSUM_SHA256": hashlib.sha256,
    "HTTP_CONTENT_MD5": hashlib.md5,
}


def _wrong_checksum(call: Call) -> Refusal | None:
    """BadDigest where the body is not what its checksum header says. The body is put back for who carries it out."""
    wanted = {name: str(call.environ[name]) for name in _SUMS if call.environ.get(name)}
    encoded = "aws-chunked" in str(call.environ.get("HTTP_CONTENT_ENCODING", ""))
    length = call.environ.get("CONTENT_LENGTH")
    if call.method != "PUT" or not wanted or encoded or not length or "/" not in call.path.strip("/"):
        return None
    sums = {name: _SUMS[name]() for name in wanted}
    kept: Any = io.BytesIO() if int(length) <= _IN_MEMORY else call.keep_open(tempfile.TemporaryFile())  # noqa: SIM115
    left = int(length)
    while left > 0 and (chunk := call.environ["wsgi.input"].read(min(left, _CHUNK))):
        for each in sums.values():
            each.update(chunk)
        kept.write(chunk)
        left -= len(chunk)
    kept.seek(0)
    call.environ["wsgi.input"] = kept
    for name, each in sums.items():
        if base64.b64encode(each.digest()).decode() != wanted[name]:
            which = name.removeprefix("HTTP_X_AMZ_CHECKSUM_").removeprefix("HTTP_").replace("_", "-")
            return Refusal("BadDigest", f"The {which} you specified did not match the calculated checksum.")
    return None
