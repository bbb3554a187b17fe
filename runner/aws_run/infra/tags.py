"""Tags in the three spellings that AWS's services want."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from aws_run.naming import TAG_PROJECT, TAG_RUN

CONFIG_TAG = "aws-run:config"
_REFUSED = re.compile(r"[^\w .:/=+\-@]")
TAG_ACCOUNT = "aws-run:account"  # on the bucket, which belongs to no project


def clean(value: str) -> str:
    """`value` in the letters that every service takes in tags: IAM and ECS refuse the comma that may stand in the name
    of a session (docs/real-aws.md, 14)."""
    return _REFUSED.sub("-", value)


def upper(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """[{"Key": …, "Value": …}]: S3, IAM, EC2, ECR, Auto Scaling."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def lower(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """[{"key": …, "value": …}]: ECS."""
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def parse(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """AWS's list of tags, in either spelling, as a dict."""
    lowered = ({name.lower(): text for name, text in pair.items()} for pair in pairs or ())
    return {str(pair["key"]): str(pair.get("value") or "") for pair in lowered}


def are_ours(tags: Mapping[str, str]) -> bool:
    """Whether what carries these was made by this tool."""
    return any(name in tags for name in (TAG_PROJECT, TAG_RUN, TAG_ACCOUNT))


def config_digest(*parts: Any) -> str:
    """A short digest of a resource's wanted configuration, kept as a tag: one read tells whether it is as wanted."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
