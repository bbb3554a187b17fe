"""What a terminal wraps, without lines that a CI system takes for a command to itself.

`format.clean` sees to the beginning of a text; where a text is wrapped, any part of it may begin a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


class Wrapped:
    """`content`, of which no line begins with `::` once it is wrapped to the terminal's width."""

    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self._content, options, pad=False):
            yield from _harmless(line)
            yield Segment.line()


def _harmless(line: list[Segment]) -> Iterator[Segment]:
    """The line with a space in the `::` that it begins with, wherever its segments divide that."""
    if not "".join(segment.text for segment in line if not segment.control).lstrip().startswith("::"):
        yield from line
        return
    apart = False
    for segment in line:
        before, colon, after = segment.text.partition(":")
        if apart or segment.control or not colon:
            yield segment
            continue
        apart = True
        yield Segment(f"{before}: {after}", segment.style)
