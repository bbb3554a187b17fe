"""What the readers of manifests need of a project's folder; `image.sources.source.Source` is one."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Protocol

from aws_run.errors import SourceError
from aws_run.project.files import LOCK_MAX_BYTES

# tomli is tomllib, for Python 3.10.
_tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


class Folder(Protocol):
    @property
    def root(self) -> Path: ...

    @property
    def paths(self) -> frozenset[str]:
        """The files that go into the image, relative to the root."""
        ...

    def has(self, path: str) -> bool: ...

    def read(self, path: str, *, max_bytes: int = ...) -> bytes: ...

    def read_text(self, path: str) -> str: ...


def read_toml(folder: Folder, path: str, *, max_bytes: int = LOCK_MAX_BYTES) -> dict[str, Any]:
    """The parsed file; {} where there is none. SourceError where it is no TOML."""
    if not folder.has(path):
        return {}
    try:
        text = folder.read(path, max_bytes=max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: {error.reason}", hint="correct it") from None
    return parse_toml(text, path)


def table(value: object, *keys: str) -> dict[str, Any]:
    """The table below `keys`; {} where something else stands in its place."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def parse_toml(text: str, shown: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = _tomllib.loads(text)
    except RecursionError:
        raise SourceError(f"{shown} can't be read: it is nested too deep", hint="correct it") from None
    except ValueError as error:  # TOMLDecodeError is one; a number of 5,000 digits gives another
        raise SourceError(f"{shown} can't be read: {error}", hint="correct it") from None
    return parsed


def read_json(folder: Folder, path: str) -> dict[str, Any]:
    try:
        parsed = json.loads(folder.read(path, max_bytes=LOCK_MAX_BYTES))
    except RecursionError:
        raise SourceError(f"{path} can't be read: it is nested too deep", hint="correct it") from None
    except ValueError as error:
        raise SourceError(f"{path} can't be read: {error}", hint="correct it") from None
    return parsed if isinstance(parsed, dict) else {}
