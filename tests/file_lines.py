"""A line for each test file as it ends, in place of dots that say nothing where several workers mix them:

    tests/unit/test_naming.py  21 passed  0.8 s

A test that fails has a line of its own at once. pytest's own summary stays what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

_ORDER = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


@dataclass
class _File:
    left: set[str] = field(default_factory=set)  # tests that have not ended, by node id
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def line(self, name: str) -> str:
        known = [outcome for outcome in _ORDER if self.outcomes[outcome]]
        told = ", ".join(f"{self.outcomes[outcome]} {outcome}" for outcome in known)
        return f"{name}  {told}  {self.seconds:.1f} s"


class FileLines:
    """A plugin of the process that prints; `seconds` are those of the tests and their fixtures, not of the wall."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._files: dict[str, _File] = {}

    def expect(self, ids: Iterable[str]) -> None:
        """The tests that will run; every worker collects the same ones."""
        for node_id in ids:
            self._files.setdefault(_file_of(node_id), _File()).left.add(node_id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Iterable[str]) -> None:
        if not self._files:
            self.expect(ids)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_report_teststatus(self, report: Any) -> Generator[None, Any, None]:
        """The letters are what this plugin stands in for; category and word are needed by the summary."""
        outcome = yield
        status = outcome.get_result()
        if status:
            category, _, word = status
            outcome.force_result((category, "", word))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = self._files.setdefault(_file_of(report.nodeid), _File())
        file.seconds += report.duration
        outcome = self._outcome(report)
        if outcome:
            file.outcomes[outcome] += 1
        if outcome in ("failed", "error"):
            self._write(f"{outcome.upper()} {report.nodeid}", red=True)
        if report.when not in ("setup", "call"):  # the teardown, or "???" of a test that took its worker with it
            file.left.discard(report.nodeid)
            if not file.left:
                name = _file_of(report.nodeid)
                red = bool(file.outcomes["failed"] or file.outcomes["error"])
                self._write(file.line(name), red=red, green=not red)
                del self._files[name]

    @staticmethod
    def _outcome(report: pytest.TestReport) -> str | None:
        """What the summary counts it as; None for a part of a test that decides nothing."""
        expected = hasattr(report, "wasxfail")
        if report.when in ("setup", "teardown"):
            if report.failed:
                return "error"
            return ("xfailed" if expected else "skipped") if report.skipped else None
        if expected:
            return "xfailed" if report.skipped else "xpassed"
        return report.outcome

    def _write(self, line: str, **markup: bool) -> None:
        self._reporter.ensure_newline()
        self._reporter.write_line(line, **markup)


def _file_of(node_id: str) -> str:
    return node_id.split("::", 1)[0]
