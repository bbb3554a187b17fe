"""Lists of objects and of versions as S3 makes them.

moto copies every object of the bucket, bytes and all, for each page of a list of versions, so that a small project's
removal took half a minute beside another's gigabyte. And its lists with a delimiter name folders in which only deleted
objects are, so that a run which was refused stood among the runs for ever.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Once a process; a second call changes nothing."""
    from moto.s3 import models

    key_class: Any = models.FakeKey
    backend: Any = models.S3Backend
    if getattr(key_class, "_aws_run_lists", False):
        return
    with_deleted = backend.list_objects

    class Listed(models.FakeKey):
        """What a list marks as the latest or not, and reads names, times and sizes of. The content is the object's."""

        def __del__(self) -> None:
            """The object closes its content; its twins must not."""

    def without_content(self: Any, memo: dict[int, Any]) -> Any:
        twin: Any = object.__new__(Listed)  # moto keeps count of those that its own __new__ makes
        twin.__dict__.update(vars(self))
        return twin

    def list_objects(
        self: Any, bucket: Any, prefix: str | None, delimiter: str | None, *marker: Any, **page: Any
    ) -> tuple[Any, ...]:
        keys, folders, *rest = with_deleted(self, bucket, prefix, delimiter, *marker, **page)
        if folders:
            there = {
                _folder(name, prefix or "", str(delimiter))
                for name, key in bucket.keys.items()
                if not isinstance(key, models.FakeDeleteMarker)
            }
            folders = [folder for folder in folders if folder in there]
        return (keys, folders, *rest)

    key_class.__deepcopy__ = without_content
    backend.list_objects = list_objects
    key_class._aws_run_lists = True


def _folder(name: str, prefix: str, delimiter: str) -> str | None:
    below = name.removeprefix(prefix)
    if not name.startswith(prefix) or delimiter not in below:
        return None
    return f"{prefix}{below.partition(delimiter)[0]}{delimiter}"
