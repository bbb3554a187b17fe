"""Lists of versions that copy no object's content. moto copies every object of the bucket, bytes and all, for each page
of a list, so that a small project's removal took half a minute beside another's gigabyte."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Once a process; a second call changes nothing."""
    from moto.s3 import models

    key_class: Any = models.FakeKey
    if getattr(key_class, "_aws_run_versions", False):
        return

    class Listed(models.FakeKey):
        """What a list marks as the latest or not, and reads names, times and sizes of. The content is the object's."""

        def __del__(self) -> None:
            """The object closes its content; its twins must not."""

    def without_content(self: Any, memo: dict[int, Any]) -> Any:
        twin: Any = object.__new__(Listed)  # moto keeps count of those that its own __new__ makes
        twin.__dict__.update(vars(self))
        return twin

    key_class.__deepcopy__ = without_content
    key_class._aws_run_versions = True
