"""Which tests can run here: tests/docker needs a Docker engine; in CI its absence is a failure, never a skip."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DOCKER_TESTS = Path(__file__).parent / "docker"
_LEFT_OUT = pytest.StashKey[int]()


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_sep("!", "PART OF THE SUITE DID NOT RUN", red=True, bold=True)
        terminalreporter.write_line(
            f"No Docker engine answers: the {left_out} tests in tests/docker were left out. "
            "Start Docker (as root on Debian: tools/docker-up) and run them before you trust this result."
        )
