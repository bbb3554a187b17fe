"""The characters that IAM and ECS take in tags. EC2 and S3 take more, so a tag that does everywhere keeps to these."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from aws_run.local.http.protocol import Refusal

_PUNCTUATION = "_.:/=+-@"


def check_tags(tags: Iterable[Mapping[str, Any]] | None, *, code: str = "InvalidParameterException") -> None:
    """Tags in either spelling; `code` is the service's for a tag that it refuses."""
    for tag in tags or ():
        for text in (str(tag.get("key", tag.get("Key", ""))), str(tag.get("value", tag.get("Value")) or "")):
            if not all(_is_allowed(letter) for letter in text):
                raise Refusal(
                    code,
                    f"1 validation error detected: Value '{text}' at 'tags' failed to satisfy constraint: Member must "
                    r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
                )


def _is_allowed(letter: str) -> bool:
    return letter in _PUNCTUATION or unicodedata.category(letter)[0] in "LZN"
