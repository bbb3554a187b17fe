"""Calls on what may be gone. Only the codes with which a service says that it is gone count; a refusal is raised."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError


def call_unless_gone(
    aws: Aws, gone: Collection[str], service: str, operation: str, **parameters: Any
) -> dict[str, Any] | None:
    """The answer; None where AWS refuses with one of the codes `gone`."""
    try:
        return aws.call(service, operation, **parameters)
    except AwsCallError as error:
        if error.code not in gone:
            raise
        return None
