"""Which packages of a lock are reached from what a project asks for, and under which markers.

Some locks name only what each package asks for, not for whom a package is there: older ones of poetry and of pdm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_MOST_MARKERS = 6  # of one package, from as many paths to it

# What a package asks for: (name, marker); an empty marker holds always.
Wanted = tuple[str, str]


def reached_from(roots: Iterable[Wanted], below: Callable[[str], Iterable[Wanted]]) -> dict[str, str]:
    """The marker under which each name is needed, empty: always. Names that the lock does not have are among them."""
    reached: dict[str, set[str]] = {}
    waiting = list(roots)
    while waiting:
        name, marker = waiting.pop()
        markers = reached.setdefault(name, set())
        if marker in markers or "" in markers:
            continue
        if len(markers) >= _MOST_MARKERS:
            marker = ""
        markers.add(marker)
        if not marker:
            reached[name] = {""}
        waiting += [(inner, _joined(marker, own)) for inner, own in below(name)]
    return {
        name: "" if "" in markers else " or ".join(f"({each})" for each in sorted(markers))
        for name, markers in reached.items()
    }


def without_extra(marker: str) -> str:
    """What speaks of an extra says nothing about the machine."""
    return "" if "extra" in marker else marker


def _joined(left: str, right: str) -> str:
    if not left or not right or left == right:
        return left or right
    return f"({left}) and ({right})"
