"""Signs and their plain stand-ins, for streams that can't carry them (Windows pipes, LANG=C)."""

from __future__ import annotations

from typing import TextIO

from aws_run.frozen import frozen


@frozen
class Symbols:
    done: str
    failed: str
    same: str = "="
    warning: str = "!"
    step: str
    dot: str
    times: str
    spinner: str
    rule: str


UNICODE = Symbols(
    done="\N{CHECK MARK}",
    failed="\N{BALLOT X}",
    step="\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    dot="\N{MIDDLE DOT}",
    times="\N{MULTIPLICATION SIGN}",
    spinner="dots",
    rule="\N{BOX DRAWINGS LIGHT HORIZONTAL}",
)
ASCII = Symbols(done="ok", failed="x", step=">", dot="-", times="x", spinner="line", rule="-")


def symbols_for(stream: TextIO) -> Symbols:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        f"{UNICODE.done}{UNICODE.failed}{UNICODE.rule}\N{BRAILLE PATTERN DOTS-124}".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
