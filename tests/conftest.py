"""Which tests can run here, and which side by side: tests/docker needs a Docker engine; in CI its absence is a failure, never a
skip."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

DOCKER_TESTS = Path(__file__).parent / "docker"
_LEFT_OUT = pytest.StashKey[int]()


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def pytest_configure(config: pytest.Config) -> None:
    """A shell's background job ignores SIGINT, and so would all that the tests start: there Ctrl-C must mean something."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True, specname="pytest_collection_modifyitems")
def group_by_what_is_shared(items: list[pytest.Item]) -> None:
    """With `-n`: a file's tests share its fixtures, and all of tests/docker shares the services, so each stays on one worker."""
    for item in items:
        together = DOCKER_TESTS if DOCKER_TESTS in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(together)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needs_engine = [item for item in items if DOCKER_TESTS in item.path.parents]
    if not needs_engine or _engine_answers():
        return
    if os.environ.get("CI") == "true":
        pytest.exit("no Docker engine answers, and in CI the tests that need one are not left out", returncode=1)
    config.hook.pytest_deselected(items=needs_engine)
    items[:] = [item for item in items if item not in set(needs_engine)]
    config.stash[_LEFT_OUT] = len(needs_engine)
    if hasattr(config, "workeroutput"):  # of pytest-xdist: its controller writes the summary
        config.workeroutput["left_out"] = len(needs_engine)


def pytest_testnodedown(node: Any) -> None:
    left_out = getattr(node, "workeroutput", {}).get("left_out", 0)
    if left_out:
        node.config.stash[_LEFT_OUT] = left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_sep("!", "PART OF THE SUITE DID NOT RUN", red=True, bold=True)
        terminalreporter.write_line(
            f"No Docker engine answers: the {left_out} tests in tests/docker were left out. "
            "Start Docker (as root on Debian: tools/docker-up) and run them before you trust this result."
        )
