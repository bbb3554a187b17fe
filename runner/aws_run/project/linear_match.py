"""The small regular expressions that ignore patterns become, matched in one pass over the path.

`re` backtracks: thirty times `*a` and one long name keep it busy for years. Here all ways to match are followed at
once, one bit for each place in the pattern, so nothing is ever tried twice.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Literal

from aws_run.frozen import frozen

# What may follow the last piece: nothing (full), a last slash at most (slash), anything (open), what lies in the folder
# that was named (mark), or nothing or that (either).
Ending = Literal["full", "slash", "open", "mark", "either"]

# Every piece that pathspec and `image.sources.ignore` write; a text with anything else in it is not taken.
_PIECE = re.compile(
    r"(?P<gap>\(\?:\.(?P<gap_sign>[*+])/\)\?)"
    r"|(?P<tail>\(\?:/\.\+\)\?)"
    r"|(?P<either>\(\?:(?:\(\?P<ps_d>/\)|/)\|\$\))"
    r"|(?P<slash>/\?\$)"
    r"|(?P<mark>\(\?P<ps_d>/\))"
    r"|(?P<star>\[\^/\]\*)"
    r"|(?P<plus>\[\^/\]\+)"
    r"|(?P<one>\[\^/\])"
    r"|(?P<all>\.\*)"
    r"|(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<escape>\\.)"
    r"|(?P<literal>[^\\\[\](){}*+?.|^$])",
    re.DOTALL,
)
_VARIABLE = frozenset({"gap", "tail", "star", "plus", "all"})
_Predicate = Callable[[str], bool]


@frozen
class Match:
    """`by_folder`: the pattern names a folder above the path, not the path itself."""

    by_folder: bool

    def groupdict(self) -> dict[str, str | None]:
        """As pathspec asks a match of `re` for its mark of a folder."""
        return {"ps_d": "/" if self.by_folder else None}


class LinearRegex:
    """One pattern. ValueError for a text that is not of the small language."""

    def __init__(self, text: str, *, full: bool = False) -> None:
        """`full`: the whole path has to match, and the text begins without `^`."""
        self._ending: Ending = "full" if full else "open"
        self._accepts: list[_Predicate] = []
        self._loops = 0  # states that stay when they take a character
        self._skips: dict[int, int] = {}  # how far a state may jump without a character → those states
        self._masks: dict[str, int] = {}
        self._needed = ""  # the longest text that every matching path holds
        self.variable_pieces = 0
        self._read(text.removeprefix("^") if not full else text)
        if not full and not text.startswith("^"):
            raise ValueError("the pattern is not anchored")

    def search(self, path: str) -> Match | None:
        if self._needed not in path:
            return None
        by_folder = False
        accepting = 1 << len(self._accepts)
        states = self._closed(1)
        for index in range(len(path) + 1):
            if states & accepting:
                if self._ending in ("open", "mark"):
                    return Match(by_folder=self._ending == "mark")
                if index == len(path) or (self._ending == "slash" and path[index:] == "/"):
                    return Match(by_folder=False)
                by_folder = by_folder or (self._ending == "either" and path[index] == "/")
            if index == len(path) or not states:
                break
            taken = states & self._mask(path[index])
            states = self._closed(((taken & ~self._loops) << 1) | (taken & self._loops))
        return Match(by_folder=True) if by_folder else None

    def _closed(self, states: int) -> int:
        """With every state that is reached without taking a character."""
        while True:
            before = states
            for distance, jumping in self._skips.items():
                states |= (states & jumping) << distance
            if states == before:
                return states

    def _mask(self, char: str) -> int:
        mask = self._masks.get(char)
        if mask is None:
            mask = sum(1 << index for index, accepts in enumerate(self._accepts) if accepts(char))
            self._masks[char] = mask
        return mask

    def _read(self, text: str) -> None:
        position, before, run = 0, "", ""
        while position < len(text):
            piece = _PIECE.match(text, position)
            kind = piece.lastgroup if piece is not None else None
            if piece is None or kind is None or self._ending in ("mark", "either", "slash"):
                raise ValueError("the pattern is not of the language that is matched here")
            kind = "gap" if kind == "gap_sign" else kind
            position = piece.end()
            run = run + piece[0][-1] if kind in ("literal", "escape") else ""
            self._needed = max(self._needed, run, key=len)
            self.variable_pieces += kind in _VARIABLE
            if kind == before == "gap":
                continue  # two gaps in a row are one
            before = kind
            self._add(kind, piece[0])

    def _add(self, kind: str, text: str) -> None:
        match kind:
            case "gap" if "+" in text:
                self._jump(3)
                self._take(_anything)
                self._star(_anything)
                self._take(_is("/"))
            case "gap":
                # The way in is a state of its own: who has begun to skip folders has to end at a slash.
                self._jump(1)
                self._jump(3)
                self._take(_nothing)
                self._star(_anything)
                self._take(_is("/"))
            case "tail":
                self._jump(3)
                self._take(_is("/"))
                self._take(_anything)
                self._star(_anything)
            case "star":
                self._star(_no_slash)
            case "plus":
                self._take(_no_slash)
                self._star(_no_slash)
            case "one":
                self._take(_no_slash)
            case "all":
                self._star(_anything)
            case "mark":
                self._take(_is("/"))
                self._ending = "mark"
            case "either" | "slash":
                self._ending = "either" if kind == "either" else "slash"
            case "class":
                self._take(_in_class(text))
            case _:
                self._take(_is(text[-1]))

    def _take(self, accepts: _Predicate) -> None:
        self._accepts.append(accepts)

    def _star(self, accepts: _Predicate) -> None:
        self._loops |= 1 << len(self._accepts)
        self._jump(1)
        self._take(accepts)

    def _jump(self, distance: int) -> None:
        self._skips[distance] = self._skips.get(distance, 0) | 1 << len(self._accepts)


def compile_quietly(text: str, flags: int = 0) -> re.Pattern[str]:
    """`re.compile` without its warnings about what a later Python may read otherwise. ValueError for no pattern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(text, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(str(error)) from None


def _anything(_char: str) -> bool:
    return True


def _nothing(_char: str) -> bool:
    return False


def _no_slash(char: str) -> bool:
    return char != "/"


def _is(wanted: str) -> _Predicate:
    return lambda char: char == wanted


def _in_class(text: str) -> _Predicate:
    compiled = compile_quietly(text, re.DOTALL)
    return lambda char: compiled.fullmatch(char) is not None
