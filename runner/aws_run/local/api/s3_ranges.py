"""Ranged reads that read the range. moto reads the whole object for each, so that a file of 1 GiB fetched in parts of
8 MiB is read 128 times over."""

from __future__ import annotations

import threading
from typing import Any

_request = threading.local()


class _Part:
    """Stands for an object's bytes where only a slice of them is needed."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __len__(self) -> int:
        return int(self._key.contentsize)

    def __getitem__(self, wanted: slice) -> bytes:
        begin, end, _ = wanted.indices(len(self))
        with self._key.lock:
            self._key._value_buffer.seek(begin)
            return bytes(self._key._value_buffer.read(end - begin))


def install() -> None:
    """Once a process; a second call changes nothing."""
    from moto.s3 import models, responses

    FakeKey: Any = models.FakeKey
    S3Response: Any = responses.S3Response
    if getattr(FakeKey, "_aws_run_ranges", False):
        return
    whole, get_object = FakeKey.value, S3Response.get_object
    ranged = S3Response._handle_range_header

    def value(self: Any) -> Any:
        return _Part(self) if getattr(_request, "part", False) else whole.fget(self)

    def get(self: Any) -> Any:
        _request.part = bool(self.headers.get("range")) and "," not in self.headers["range"]
        try:
            return get_object(self)
        finally:
            _request.part = False

    def handle(self: Any, request: Any, headers: dict[str, Any], content: Any) -> Any:
        status, headers, content = ranged(self, request, headers, content)
        return status, headers, content[:] if isinstance(content, _Part) else content

    FakeKey.value = property(value, whole.fset)
    S3Response.get_object = get
    S3Response._handle_range_header = handle
    FakeKey._aws_run_ranges = True
