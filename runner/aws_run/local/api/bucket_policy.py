"""Bucket policies with their conditions: moto reads only action and resource, so a TLS-only policy denies everything.

The embedded AWS stands for an endpoint with TLS, so `aws:SecureTransport` is true there.
"""

from __future__ import annotations

import json
from typing import Any

from aws_run.local.http.iam_policy import applies


def install() -> None:
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        parsed = json.loads(self.policy)["Statement"]
        statements = parsed if isinstance(parsed, list) else [parsed]
        context = {"aws:securetransport": "true"}
        effects = {s["Effect"] for s in statements if applies(s, action, resource, context)}
        if "Deny" in effects:
            return PermissionResult.DENIED
        return PermissionResult.PERMITTED if "Allow" in effects else PermissionResult.NEUTRAL

    setattr(FakeBucket, "get_permission", get_permission)  # noqa: B010 - a method of moto's is replaced
