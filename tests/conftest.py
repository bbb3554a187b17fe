"""Which tests can run here, and which side by side: some need a Docker engine, Ceph's gateway or Chromium; in CI its absence is a
failure, never a skip. The longest ones run at night (`tools/nightly tests`), and the summary says how many those are."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.file_lines import FileLines
from tests.local import chromium
from xdist.scheduler import LoadScopeScheduling

DOCKER_TESTS = Path(__file__).parent / "docker"
GATEWAY_TESTS = Path(__file__).parent / "local/test_transfer_radosgw.py"
BROWSER_TESTS = Path(__file__).parent / "local/test_door_browser.py"
_LEFT_OUT = pytest.StashKey[list[str]]()
_AT_NIGHT = pytest.StashKey[list[str]]()
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

# How long an example takes says how busy the machine is. In CI everybody tries the same examples; elsewhere new ones are drawn.
settings.register_profile(
    "suite",
    deadline=None,
    max_examples=30,  # with every change; at night 300 of each, with a seed of that night
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("suite")
# `tools/nightly properties`, with a seed; otherwise as above.
settings.register_profile("night", derandomize=False, max_examples=300)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes this user's own copies of AWS's catalogue and prices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache-home")))
        yield


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=90, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _gateway_named() -> bool:
    return bool(os.environ.get("AWS_RUN_TEST_S3") or os.environ.get("AWS_RUN_TEST_S3_DIR"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the tests marked nightly, and only those")


@pytest.hookimpl(trylast=True)  # the terminal reporter is one of the others
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "nightly: too long for every change; `tools/nightly tests` runs it")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and config.getoption("numprocesses") and config.get_verbosity() == 0:
        config.pluginmanager.register(FileLines(reporter))
    # A shell's background job ignores SIGINT, and so would all that the tests start: there Ctrl-C must mean something.
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
    _mark_rest_of_long_files(items)
    _choose_tier(config, items)
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


# Of these long files, tables of one kind each, one test in so many runs with every change and the others at night.
_ONE_IN = {
    "tests/crash/test_crash_sample.py": 5,
    "tests/crash/test_fault_table_sample.py": 4,
    "tests/docker/test_image_build.py": 2,
    "tests/docker/test_kinds_of_projects.py": 2,
    "tests/docker/test_submit.py": 3,
    "tests/github/test_action.py": 2,
    "tests/github/test_cancel.py": 3,
    "tests/local/test_accounts.py": 2,
    "tests/local/test_allowance.py": 2,
    "tests/local/test_asleep.py": 3,
    "tests/local/test_caller_rights.py": 24,
    "tests/local/test_cli_commands.py": 2,
    "tests/local/test_cli_inputs.py": 2,
    "tests/local/test_cli_main_job.py": 2,
    "tests/local/test_cost.py": 2,
    "tests/local/test_deleted_behind.py": 6,
    "tests/local/test_faults_answers.py": 6,
    "tests/local/test_faults_gc.py": 2,
    "tests/local/test_faults_removal.py": 8,
    "tests/local/test_faults_running.py": 6,
    "tests/local/test_faults_start.py": 6,
    "tests/local/test_full_disks.py": 2,
    "tests/local/test_lifecycle_runs.py": 5,
    "tests/local/test_lifecycle_signals.py": 3,
    "tests/local/test_money.py": 2,
    "tests/local/test_networks.py": 2,
    "tests/local/test_real_aws.py": 4,
    "tests/local/test_rivals.py": 5,
    "tests/local/test_start.py": 2,
    "tests/local/test_start_bounds.py": 2,
    "tests/projects/test_dependency_lists.py": 2,
    "tests/projects/test_shape_runs.py": 9,
}
_WHOLE_SUITE_FILES = 100  # a run of fewer is somebody's choice of tests, and gets all of them


def _mark_rest_of_long_files(items: list[pytest.Item]) -> None:
    if len({item.path for item in items}) < _WHOLE_SUITE_FILES:
        return
    seen: Counter[str] = Counter()
    for item in items:
        file = item.nodeid.split("::", 1)[0]
        if file not in _ONE_IN or item.get_closest_marker("nightly") is not None:
            continue
        if seen[file] % _ONE_IN[file]:
            item.add_marker(pytest.mark.nightly)
        seen[file] += 1


def _choose_tier(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The nightly tests or all others; only the latter is worth a word, so that nobody takes a part for the whole."""
    nightly = [item for item in items if item.get_closest_marker("nightly") is not None]
    others = [item for item in items if item.get_closest_marker("nightly") is None]
    chosen, deselected = (nightly, others) if config.getoption("nightly") else (others, nightly)
    items[:] = chosen
    if deselected:
        config.hook.pytest_deselected(items=deselected)
    if not config.getoption("nightly"):
        config.stash[_AT_NIGHT] = [item.nodeid for item in nightly]
        if hasattr(config, "workeroutput"):
            config.workeroutput["at_night"] = config.stash[_AT_NIGHT]


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
    output = getattr(node, "workeroutput", {})
    if output.get("left_out"):
        node.config.stash[_LEFT_OUT] = output["left_out"]
    if output.get("at_night") and _AT_NIGHT not in node.config.stash:
        node.config.stash[_AT_NIGHT] = output["at_night"]
        # A worker's own count stays with it: the last line is the controller's.
        node.config.hook.pytest_deselected(items=[SimpleNamespace(nodeid=each) for each in output["at_night"]])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    at_night = config.stash.get(_AT_NIGHT, [])
    if at_night:
        files = Counter(node_id.split("::", 1)[0] for node_id in at_night)
        terminalreporter.write_line(
            f"{len(at_night)} nightly tests were deselected; `tools/nightly tests` runs them: "
            + ", ".join(f"{count} of {file}" for file, count in files.items())
        )
    left_out = config.stash.get(_LEFT_OUT, [])
    if left_out:
        terminalreporter.write_sep("!", "PART OF THE SUITE DID NOT RUN", red=True, bold=True)
    for line in left_out:
        terminalreporter.write_line(line)
