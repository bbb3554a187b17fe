"""Tells the lines of a job's log from the states of its progress bars, which the container marks (`log_marks`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aws_run.events import JobProgress, JobUsage, LogLine
from aws_run_entrypoint.log_marks import BarState, UsageNow, read_mark

_MOST_ROWS = 40


class LogFold:
    """One log, read in one or several parts."""

    def __init__(self) -> None:
        self._rows: dict[int, str] = {}

    def fold(self, lines: Iterable[LogLine]) -> Iterator[LogLine | JobProgress | JobUsage]:
        """The job's own lines, and what its bars and its use of the machine are now. A line of its own ends what was
        shown of its bars: the container repeats a bar that goes on."""
        for line in lines:
            mark = read_mark(line.text)
            if isinstance(mark, UsageNow):
                yield JobUsage(**vars(mark))
            elif isinstance(mark, BarState):
                if mark.row < _MOST_ROWS:
                    self._rows[mark.row] = mark.text
                    yield JobProgress(lines=self.states)
            else:
                if self._rows:
                    self._rows.clear()
                    yield JobProgress(lines=())
                yield line

    @property
    def states(self) -> tuple[str, ...]:
        """The bars as they were last seen."""
        return tuple(text for _, text in sorted(self._rows.items()))


def own_lines(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Only what the job itself printed, in its last state."""
    return (line for line in lines if read_mark(line.text) is None)
