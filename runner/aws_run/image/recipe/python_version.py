"""Which Pythons there are for an image, and what a constraint says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aws_run.frozen import frozen

DEFAULT = "3.12"
# What the default base image comes in, best first after DEFAULT.
KNOWN = ("3.12", "3.13", "3.14", "3.11", "3.10", "3.9")
# What the uv of uv.txt can install on both architectures, as patch releases; `uv python list` says it, and a test holds
# the two together.
_MANAGED = {
    "3.15": "0-2",
    "3.14": "0-10",
    "3.13": "0-18",
    "3.12": "0-16",
    "3.11": "1 3-18",
    "3.10": "0 2-9 11-22",
    "3.9": "6-7 10-25",
    "3.8": "13-20",
}
# A pre-release counts as its release: `>=3.13.0rc1` is met by 3.13.
_CLAUSE = re.compile(
    r"^\s*(?P<op>~=|===|==|!=|<=|>=|<|>)\s*v?(?P<version>\d{1,4}(?:\.\d{1,4}){0,4})"
    r"(?P<rest>\.\*|(?:a|b|rc|\.dev)\d{1,3})?\s*$"
)
_PIN = re.compile(
    r"(?:cpython[-@]|python-)?(?P<version>\d{1,2}(?:\.\d{1,2}){0,2})(?:\.[x*])?"
    r"(?:(?:a|b|rc)\d{1,2}|-dev|/envs/.*|-(?:linux|macos|windows)-.*)?"
)
# Another build of the language: the job gets the usual one of the same version.
_VARIANT = re.compile(
    r"(?:pypy-?|graalpy-?)(?P<of>3\.\d{1,2})\b.*|(?P<threads>3\.\d{1,2}(?:\.\d{1,2})?)(?:t|\+freethreaded)"
)


@frozen
class _Clause:
    op: str
    version: tuple[int, ...]
    series: bool  # it ends in `.*`


def from_pin(text: str) -> str | None:
    """What a version file says, as `requires-python` would: `3.12.4` and `cpython-3.12.4` are `==3.12.4.*`. None where
    it names something else (pypy, a name of conda's)."""
    if text[:1] in "<>=~!" and is_readable(text):
        return text
    match = _PIN.fullmatch(text)
    return f"=={match['version']}.*" if match is not None else None


def usual_version(text: str) -> str | None:
    """Of pypy3.10 or 3.13t, the version of the language. None for what names no such variant."""
    match = _VARIANT.fullmatch(text)
    return (match["of"] or match["threads"]) if match is not None else None


def first_line(text: str) -> str:
    """Of a version file, where several may stand and the first counts."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def is_readable(requires: str) -> bool:
    """Whether every clause of a `requires-python` is one that is understood here."""
    return all(_CLAUSE.match(clause) for each in requires.split("||") for clause in each.split(",") if clause.strip())


def pinned_patch(requires: str) -> str | None:
    """The `3.12.4` that is asked for, where any other of its series would do as well."""
    match = re.fullmatch(r"==(\d+\.\d+\.\d+)\.\*", requires)
    return match[1] if match is not None else None


def from_requires(requires: str) -> str | None:
    """The best version with a base image that `requires` allows, as MAJOR.MINOR; None where it allows none or can't be
    read. The image of a series always holds its newest patch release, so an exact one (`==3.11.4`) is not met."""
    return next((known for known in KNOWN if allows(requires, known)), None)


def from_managed(requires: str) -> str | None:
    """The best version that uv can install and `requires` allows, as MAJOR.MINOR.PATCH; None where there is none."""
    patch = pinned_patch(requires)
    versions = list(_managed())
    if patch in versions:
        return patch
    return next((version for version in versions if allows(requires, version)), None)


def allows(requires: str, version: str) -> bool:
    """`version`: MAJOR.MINOR stands for the newest patch release of it. `||` separates alternatives, as in poetry."""
    have = tuple(int(part) for part in version.split("."))
    return any(
        all(clause is not None and _allows(have, clause) for clause in _clauses(alternative))
        for alternative in requires.split("||")
    )


def managed_versions() -> dict[str, list[str]]:
    """All that uv can install, by MAJOR.MINOR, the newest first."""
    return {series: [f"{series}.{patch}" for patch in _patches(ranges)] for series, ranges in _MANAGED.items()}


def _managed() -> Iterator[str]:
    """Best first: those with a base image of their series come before others."""
    versions = managed_versions()
    for series in (*KNOWN, *(each for each in versions if each not in KNOWN)):
        yield from versions[series]


def _patches(ranges: str) -> list[int]:
    ends = [part.partition("-") for part in ranges.split()]
    return sorted((patch for low, _, high in ends for patch in range(int(low), int(high or low) + 1)), reverse=True)


def _clauses(requires: str) -> Iterator[_Clause | None]:
    for text in requires.split(","):
        if text.strip():
            match = _CLAUSE.match(text)
            version = tuple(int(part) for part in match["version"].split(".")) if match is not None else ()
            yield _Clause(op=match["op"], version=version, series=match["rest"] == ".*") if match is not None else None


def _allows(have: tuple[int, ...], clause: _Clause) -> bool:
    """Whether (major, minor) or (major, minor, patch) satisfies one clause."""
    op, version = clause.op, clause.version
    minor = have[:2]
    newest = len(have) == 2
    if op in ("==", "==="):
        if len(version) <= 2:  # `==3.12` means the whole series here
            return minor[: len(version)] == version
        # Of a whole series that is asked for by one of its releases (`==3.12.4.*` of conda), any will do.
        return minor == version[:2] if clause.series else have == version[:3]
    if op == "!=":
        return have[: len(version)] != version
    # `>=3.12.4` is met by the newest 3.12, `<3.12.4` is not.
    given = (*minor, 99) if newest and len(version) > 2 else have
    given = given[: max(len(version), 1)]
    if op == "~=":
        return given >= version and (len(version) == 2 or minor == version[:2])
    return {">=": given >= version, "<=": given <= version, ">": given > version, "<": given < version}[op]
