"""Checks of S3 that moto lacks: that the bucket's owner is the one whom the caller expects."""

from __future__ import annotations

from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState


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
