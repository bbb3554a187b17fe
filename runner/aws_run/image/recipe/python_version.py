"""Which Python the image gets, as far as the project says so."""

from __future__ import annotations

import re

DEFAULT = "3.12"
# What the default base image comes in, best first after DEFAULT.
_KNOWN = ("3.12", "3.13", "3.14", "3.11", "3.10", "3.9")
# A pre-release counts as its release: `>=3.13.0rc1` is met by 3.13.
_CLAUSE = re.compile(r"^\s*(~=|===|==|!=|<=|>=|<|>)\s*v?(\d{1,4}(?:\.\d{1,4}){0,4})(\.\*|(?:a|b|rc|\.dev)\d{1,3})?\s*$")


def from_pin(text: str) -> str | None:
    """The `3.12` in a `.python-version` file (`3.12.4`, `cpython-3.12`, several lines: the first counts)."""
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            match = re.fullmatch(r"(?:cpython[-@])?(\d{1,2}\.\d{1,2})(?:\.\d{1,3})?", line)
            return match[1] if match else None
    return None


def from_runtime(text: str) -> str | None:
    """Heroku's runtime.txt: `python-3.11.4`."""
    match = re.fullmatch(r"python-(\d{1,2}\.\d{1,2})(?:\.\d{1,3})?", text.strip())
    return match[1] if match else None


def is_known(version: str) -> bool:
    """Whether there is a base image of it with a Python that aws-run itself can use. Newer ones than are known here may
    be there."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    return (3, 9) <= numbers <= max(tuple(int(part) for part in known.split(".")) for known in _KNOWN)


def is_readable(text: str) -> bool:
    """Whether every clause of a `requires-python` is one that is understood here."""
    return all(_CLAUSE.match(clause) for clause in text.split(",") if clause.strip())


def from_requires(text: str) -> str | None:
    """The best known version that `requires-python` allows; None where it can't be read or allows none."""
    clauses = []
    for clause in text.split(","):
        if not clause.strip():
            continue
        match = _CLAUSE.match(clause)
        if match is None:
            return None
        version = tuple(int(part) for part in match[2].split("."))
        clauses.append((match[1], version))
    return next((known for known in _KNOWN if all(_allows(known, op, version) for op, version in clauses)), None)


def _allows(known: str, op: str, version: tuple[int, ...]) -> bool:
    """Whether the image of `known`, which always holds its newest patch release, satisfies one clause."""
    minor = tuple(int(part) for part in known.split("."))
    # `>=3.12.4` is met by the newest 3.12, `<3.12.4` is not; `==3.12` means the whole series here.
    have = minor if len(version) <= 2 else (*minor, 99)
    have = have[: max(len(version), 1)]
    if op in ("==", "==="):
        return minor == version[:2] or (len(version) == 1 and minor[:1] == version)
    if op == "!=":
        return have != version
    if op == "~=":
        return have >= version and (len(version) == 2 or minor == version[:2])
    return {">=": have >= version, "<=": have <= version, ">": have > version, "<": have < version}[op]
