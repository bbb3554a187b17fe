"""Version constraints of poetry, pipenv and conda in the words of PEP 440, and whether a version meets one."""

from __future__ import annotations

import re
from collections.abc import Callable

_CLAUSE = re.compile(r"^(~=|===|==|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?$")
_PART = re.compile(r"^(?P<op>\^|~=|~|===|==|!=|<=|>=|<|>|=)?\s*v?(?P<version>[0-9][^\s]*|\*)$")


def normalized(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def from_poetry(text: str) -> str | None:
    """`^1.2` → `>=1.2,<2`. None for what PEP 440 can't say in one set (`^1 || ^2`)."""
    if "|" in text:
        return None
    clauses = []
    text = " ".join(text.split())  # blanks are made one: the pattern here tries each of them
    for part in re.split(r" ?, ?|(?<=[\w*]) (?=[\^~<>=!])", text.strip("()")):
        clause = _poetry_part(part.strip())
        if clause is None:
            return None
        clauses.append(clause)
    return ",".join(clause for clause in clauses if clause)


def from_conda(text: str) -> str | None:
    """`=1.2` → `==1.2.*`; the build string is left out."""
    if "|" in text:
        return None
    text = re.sub(r"^\s*(\d)", r"=\1", text.strip())  # `numpy 1.2` is exact to conda, and `numpy 1.2.*` is not
    fuzzy = re.fullmatch(r"=\s*([^=<>!,\s*]+?)(\.?\*)?(?:[=\s][^=\s]*)?", text)
    if fuzzy is not None:
        return f"=={fuzzy[1]}.*"
    exact = re.fullmatch(r"==\s*([^=<>!,\s*]+)(?:[=\s][^=\s]*)?", text)
    if exact is not None:
        return f"=={exact[1]}"
    return ",".join(part.strip() for part in text.split(",") if part.strip() not in ("", "*"))


def alternatives(text: str, convert: Callable[[str], str | None]) -> str:
    """`^3.9 || ^3.11`, each part converted, with `||` between them; the text as it is where a part can't be."""
    parts = [convert(part.strip()) for part in re.split(r"\|\|?", text)]
    return "||".join(part for part in parts if part is not None) if None not in parts else text


def satisfies(version: str, specifier: str) -> bool:
    """Whether a locked version meets a constraint. What can't be judged here (pre-releases, local versions) does."""
    have = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:\.post\d+)?(?:\+.*)?", version.strip())
    if have is None:
        return True
    release = _numbers(have[1])
    for clause in specifier.split(","):
        match = _CLAUSE.match(clause.strip())
        if match is not None and not _meets(release, match[1], _numbers(match[2]), wild=match[3] is not None):
            return False
    return True


def _meets(have: tuple[int, ...], op: str, wanted: tuple[int, ...], *, wild: bool) -> bool:
    if wild:
        same = _padded(have, len(wanted))[: len(wanted)] == wanted
        return same if op == "==" else not same if op == "!=" else True
    if op == "~=":
        stem = wanted[:-1]
        return _padded(have, len(stem))[: len(stem)] == stem and not _less(have, wanted)
    width = max(len(have), len(wanted))
    left, right = _padded(have, width), _padded(wanted, width)
    return {
        "==": left == right,
        "===": left == right,
        "!=": left != right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }[op]


def _less(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    width = max(len(left), len(right))
    return _padded(left, width) < _padded(right, width)


def _padded(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return numbers + (0,) * (width - len(numbers))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:8] if len(part) < 10)


def _poetry_part(part: str) -> str | None:
    if part in ("", "*"):
        return ""
    match = _PART.match(part)
    if match is None:
        return None
    op, version = match["op"] or "", match["version"]
    if version == "*":
        return ""
    if op in ("^", "~"):
        numbers = re.match(r"\d+(?:\.\d+)*", version)
        if numbers is None:
            return None
        return f">={version},<{_upper(list(_numbers(numbers[0])), caret=op == '^')}"
    if op in ("", "=", "=="):
        return f"=={version}"
    return f"{op}{version}"


def _upper(numbers: list[int], *, caret: bool) -> str:
    if caret:
        place = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        place = min(1, len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])
