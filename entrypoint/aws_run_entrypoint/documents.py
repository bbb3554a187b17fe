"""The one reader of JSON that somebody else may have written: results, records, manifests, notices.

A job may write whatever it likes into its own prefix of the bucket, so size, depth, types and ranges are all checked
here. Every failure is a `DocumentError`, also where Python raises RecursionError or MemoryError. Its text continues a
sentence that begins with the document's name: "result.json *is larger than 1048576 bytes*".

Both sides use it; it needs the standard library alone.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, NoReturn, Optional, TypeVar

T = TypeVar("T")
MOST_DEPTH = 16
_SHORT_BYTES = 2048
_MOST_DIGITS = 40  # of one number: reading a longer one takes time by the square of its length
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class DocumentError(ValueError):
    """A document is not as aws-run writes it."""


def parse(raw: bytes, *, most_bytes: int, most_depth: int = MOST_DEPTH) -> Any:
    """The value that `raw` holds."""
    if len(raw) > most_bytes:
        raise DocumentError(f"is larger than {most_bytes} bytes")
    if depth(raw) > most_depth:
        raise DocumentError(f"is nested deeper than {most_depth} levels")
    try:
        decoder = _OF_A_LINE if len(raw) <= _SHORT_BYTES else _DECODER
        return decoder.decode(raw.decode("utf-8"))
    except DocumentError:
        raise
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise DocumentError(f"is not JSON ({error})") from error


def parse_object(raw: bytes, *, most_bytes: int) -> "Fields":
    value = parse(raw, most_bytes=most_bytes)
    if not isinstance(value, dict):
        raise DocumentError("is not a JSON object")
    return Fields(value)


def depth(raw: bytes) -> int:
    """How deep its brackets are nested, without reading it."""
    if raw.count(b"[") + raw.count(b"{") <= MOST_DEPTH:
        return raw.count(b"[") + raw.count(b"{")
    deepest = level = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        level += 1 if bracket.group() in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise DocumentError(f"holds a number of {len(text)} digits")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if len(text) > _MOST_DIGITS or number - number != 0:
        raise DocumentError("holds a number that is out of range")
    return number


def _refuse(text: str) -> NoReturn:
    raise DocumentError(f"holds {text}, which is not a number")


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_refuse)
# A manifest has a line for each file, and each is a document: whole numbers that can't be long are read in C.
_OF_A_LINE = json.JSONDecoder(parse_float=_fraction, parse_constant=_refuse)


class Fields:
    """A JSON object whose values are asked for by name, type and range. A name that is not there reads as null."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, *, most_chars: int) -> str:
        value = self.text_or_none(name, most_chars=most_chars)
        return _there(name, value)

    def text_or_none(self, name: str, *, most_chars: int) -> Optional[str]:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > most_chars:
            raise DocumentError(f"has a {name!r} that is not text of at most {most_chars} characters")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise DocumentError(f"has a {name!r} that is not valid Unicode")
        return value

    def whole(self, name: str, *, least: int, most: int) -> int:
        value = self.whole_or_none(name, least=least, most=most)
        return _there(name, value)

    def whole_or_none(self, name: str, *, least: int, most: int) -> Optional[int]:
        value = self.values.get(name)
        if value is None:
            return None
        if not is_whole(value, least=least, most=most):
            raise DocumentError(f"has a {name!r} that is not a whole number from {least} to {most}")
        return int(value)

    def number(self, name: str, *, least: float, most: float) -> float:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise DocumentError(f"has a {name!r} that is not a number from {least:g} to {most:g}")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise DocumentError(f"has a {name!r} that is neither true nor false")
        return value

    def items(self, name: str, *, most: int) -> List[Any]:
        value = self.values.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise DocumentError(f"has a {name!r} that is not a list of at most {most} items")
        return value

    def texts(self, name: str, *, most: int, most_chars: int) -> List[str]:
        values = self.items(name, most=most)
        return [Fields({name: value}).text(name, most_chars=most_chars) for value in values]

    def objects(self, name: str, *, most: int) -> List["Fields"]:
        values = self.items(name, most=most)
        return [_object(name, value) for value in values]

    def object_or_none(self, name: str) -> Optional["Fields"]:
        value = self.values.get(name)
        return None if value is None else _object(name, value)


def is_whole(value: object, *, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _object(name: str, value: object) -> Fields:
    if not isinstance(value, dict):
        raise DocumentError(f"has a {name!r} that is not a JSON object")
    values: Dict[str, Any] = value
    return Fields(values)


def _there(name: str, value: Optional[T]) -> T:
    if value is None:
        raise DocumentError(f"has no {name!r}")
    return value
