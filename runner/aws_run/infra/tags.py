"""Tags in the three spellings that AWS's services want."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CONFIG_TAG = "aws-run:config"


def upper(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """[{"Key": …, "Value": …}]: S3, IAM, EC2, ECR, Auto Scaling."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def lower(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """[{"key": …, "value": …}]: ECS."""
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def config_digest(*parts: Any) -> str:
    """A short digest of a resource's wanted configuration, kept as a tag: one read tells whether it is as wanted."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
