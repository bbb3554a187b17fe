"""`-i`: one input, or several with names; each is a local folder or in S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aws_run.frozen import frozen
from aws_run.s3uri import is_s3, parse_s3

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
MAX_INPUTS = 16  # all of them are passed in one RunTask, whose overrides have at most 8 KiB
# Names that Windows keeps for devices: the same script must work on a colleague's machine.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{d}" for n in ("com", "lpt") for d in "123456789")}


@frozen
class NamedInput:
    """An input as written, not yet resolved. `name` None: the only input, which needs no name."""

    name: str | None
    place: str

    def __str__(self) -> str:
        return self.place if self.name is None else f"{self.name}={self.place}"


def parse_input(text: str) -> NamedInput:
    """`DIR`, `s3://bucket/prefix`, or either with `NAME=` before it. The text before the first `=` is a name unless it
    looks like a path, so a folder called `a=b` is written `./a=b`."""
    name, equals, place = text.partition("=")
    if not equals or not name or re.search(r"[/\\:~]|^\.", name):
        return NamedInput(name=None, place=_place(text))
    return NamedInput(name=parse_name(name), place=_place(place))


def parse_name(name: str) -> str:
    if ".." in name or re.fullmatch(NAME_PATTERN, name, re.ASCII) is None:
        raise ValueError(
            f'"{name}" is not a name of an input: up to 32 letters, digits and . _ -; a folder is ./{name}=…'
        )
    if name.endswith(".") or name.split(".")[0].lower() in _RESERVED:
        raise ValueError(f'"{name}" is a name that Windows reserves')
    return name


def _place(text: str) -> str:
    if not text.strip() or "\0" in text or "\n" in text:
        raise ValueError("needs a folder, or s3://bucket/prefix")
    if is_s3(text):
        return str(parse_s3(text))
    if "://" in text:
        raise ValueError("an input is a folder here or s3://bucket/prefix")
    return text


def together(given: tuple[NamedInput, ...]) -> tuple[NamedInput, ...]:
    """ValueError if they can't be the inputs of one run."""
    if len(given) > MAX_INPUTS:
        raise ValueError(f"{len(given)} inputs; at most {MAX_INPUTS}")
    bare = [one for one in given if one.name is None]
    if bare and len(given) > 1:
        raise ValueError(f"{bare[0].place} has no name: with several inputs each needs one, like data={bare[0].place}")
    seen: dict[str, str] = {}
    for one in given:
        name = one.name or ""
        if name.lower() in seen:
            other = seen[name.lower()]
            same = "is given twice" if other == name else f"and {other} are one name on macOS and Windows"
            raise ValueError(f"{name} {same}")
        seen[name.lower()] = name
    return given


def from_yaml(value: str | Mapping[str, str]) -> tuple[NamedInput, ...]:
    """A text is always a path, even with a `=`: in the file a mapping gives names."""
    if isinstance(value, str):
        return (NamedInput(name=None, place=_place(value)),)
    if not value:
        raise ValueError("is empty")
    return together(tuple(NamedInput(name=parse_name(name), place=_place(text)) for name, text in value.items()))


SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_INPUTS,
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": "string", "minLength": 1},
        },
    ]
}
