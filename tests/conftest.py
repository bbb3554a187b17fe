"""Which tests can run here, and which side by side: some need a Docker engine, Ceph's gateway or Chromium; in CI its absence is a
failure, never a skip."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.local import chromium
from xdist.scheduler import LoadScopeScheduling

DOCKER_TESTS = Path(__file__).parent / "docker"
GATEWAY_TESTS = Path(__file__).parent / "local/test_transfer_radosgw.py"
BROWSER_TESTS = Path(__file__).parent / "local/test_door_browser.py"
_LEFT_OUT = pytest.StashKey[list[str]]()
_NO_ENGINE = (
    "No Docker engine answers: the {count} tests in tests/docker were left out. "
    "Start Docker (as root on Debian: tools/docker-up) and run them before you trust this result."
)
_NO_GATEWAY = (
    "Ceph's gateway is not there: the {count} tests in tests/local/test_transfer_radosgw.py were left out. "
    "`make test` starts it as root on Debian; elsewhere tools/radosgw-up DIR prints what AWS_RUN_TEST_S3 has to be."
)

_NO_BROWSER = (
    "There is no Chromium: the {count} tests in tests/local/test_door_browser.py were left out. "
    "`make test` installs it as root on Debian, and so does tools/chromium-up."
)


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _gateway_named() -> bool:
    return bool(os.environ.get("AWS_RUN_TEST_S3") or os.environ.get("AWS_RUN_TEST_S3_DIR"))


def pytest_configure(config: pytest.Config) -> None:
    """A shell's background job ignores SIGINT, and so would all that the tests start: there Ctrl-C must mean something."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests share its fixtures, and all of tests/docker shares the services, so each stays on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "docker" if DOCKER_TESTS in (DOCKER_TESTS.parents[1] / file).parents else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    in_ci = os.environ.get("CI") == "true"
    needs_engine = [item for item in items if DOCKER_TESTS in item.path.parents]
    if needs_engine and not _engine_answers():
        if in_ci:
            pytest.exit("no Docker engine answers, and in CI the tests that need one are not left out", returncode=1)
        _leave_out(config, items, needs_engine, _NO_ENGINE)
    needs_gateway = [item for item in items if item.path == GATEWAY_TESTS]
    if needs_gateway and not _gateway_named() and not in_ci:  # in CI they fail, each by itself
        _leave_out(config, items, needs_gateway, _NO_GATEWAY)
    needs_browser = [item for item in items if item.path == BROWSER_TESTS]
    if needs_browser and not chromium.is_there() and not in_ci:  # as above
        _leave_out(config, items, needs_browser, _NO_BROWSER)


def _leave_out(config: pytest.Config, items: list[pytest.Item], which: list[pytest.Item], why: str) -> None:
    config.hook.pytest_deselected(items=which)
    gone = set(which)
    items[:] = [item for item in items if item not in gone]
    told = config.stash.setdefault(_LEFT_OUT, [])
    told.append(why.format(count=len(which)))
    if hasattr(config, "workeroutput"):  # of pytest-xdist: its controller writes the summary
        config.workeroutput["left_out"] = told


def pytest_testnodedown(node: Any) -> None:
    """A worker's end; all of them leave out the same."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        node.config.stash[_LEFT_OUT] = told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_LEFT_OUT, [])
    if left_out:
        terminalreporter.write_sep("!", "PART OF THE SUITE DID NOT RUN", red=True, bold=True)
    for line in left_out:
        terminalreporter.write_line(line)
