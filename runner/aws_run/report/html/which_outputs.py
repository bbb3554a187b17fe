"""Which of a run's outputs a page names, and of which it shows the beginning. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aws_run.report.html.previews import bytes_wanted, kind_of

_MOST_PREVIEWS = 24
_MOST_OF_A_FOLDER = 6  # of one kind: hundreds of parts must not hide the one plot beside them
_KINDS = ("picture", "table", "text")


def sorted_outputs(files: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """(path, bytes), those that lie higher first: what a job wants to be read is seldom deep in a tree."""
    return sorted(files, key=lambda one: (one[0].count("/"), one[0]))


def previewed(files: Sequence[tuple[str, int]]) -> frozenset[str]:
    """The paths whose beginning is shown: pictures before tables before texts, and some of each folder."""
    with_one = [(path, kind_of(path)) for path, size in files if bytes_wanted(path, size)]
    taken: list[str] = []
    of_folder: Counter[tuple[str, str | None]] = Counter()
    for path, kind in sorted(with_one, key=lambda one: _KINDS.index(one[1] or "text")):
        place = (path.rpartition("/")[0], kind)
        of_folder[place] += 1
        if of_folder[place] <= _MOST_OF_A_FOLDER:
            taken.append(path)
    return frozenset(taken[:_MOST_PREVIEWS])
