"""How much ECS takes in one request, checked before anything is made. Pure.

Service quotas of ECS: a task definition has at most 64 KB. RunTask's `overrides` hold at most 8,192 characters, those
of the JSON that they are written in included (API reference, RunTask).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_run.errors import UsageError

DEFINITION_BYTES = 64 * 1024
OVERRIDES_CHARACTERS = 8192
# What ECS adds to a definition, and the image's address, which is not known before it is built.
_ROOM_BYTES = 1024


def check_definition(request: Mapping[str, Any]) -> None:
    """UsageError for a task definition that is too large; what is long in one is the user's own."""
    size = _length(request) + _ROOM_BYTES
    if size <= DEFINITION_BYTES:
        return
    raise UsageError(
        f"The command, its arguments, the environment and the secrets make a task definition of {size:,} bytes, and "
        f"ECS takes {DEFINITION_BYTES:,}",
        hint="put what is long into a file of the project or of the input folder, and name that file",
    )


def check_overrides(overrides: Mapping[str, Any], *, inputs: int) -> None:
    """UsageError for more than RunTask takes; the inputs are what is long in them."""
    size = _length(overrides)
    if size <= OVERRIDES_CHARACTERS:
        return
    raise UsageError(
        f"{inputs} inputs are too many for one run: naming them takes {size:,} characters, and ECS takes "
        f"{OVERRIDES_CHARACTERS:,}",
        hint="put several of them into one folder, or below one prefix in S3, and name that",
    )


def _length(document: Mapping[str, Any]) -> int:
    """As ECS counts it at most: with every letter beyond ASCII escaped."""
    return len(json.dumps(document))
