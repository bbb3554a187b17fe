"""A registry's last word, and a login that gives a new token each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_run.image.builder import RegistryLogin

DIGEST = "sha256:" + "a" * 64
DONE: list[Mapping[str, Any]] = [{"aux": {"Tag": "t", "Digest": DIGEST, "Size": 1}}]


class Tokens:
    """Each login gives a new token."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> RegistryLogin:
        self.count += 1
        return RegistryLogin(server="r", username="AWS", password=f"token-{self.count}")
