"""The action with its environment made once, an account that is empty, and a runner to run it on."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.account import Account, account, make_project
from tests.github.api import REPOSITORY, TOKEN, FakeGitHub, github
from tests.github.runner import ROOT, Action, Runner


@pytest.fixture(scope="session")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUNNER_TEMP, with an environment such as an earlier step of the job would have left: nothing is downloaded here.
    test_shim.py has the installation itself."""
    temp = tmp_path_factory.mktemp("runner-temp")
    shim = json.dumps(str(ROOT / "action" / "shim.cjs"))
    made = subprocess.run(
        ["node", "-p", f"require({shim}).environmentDir()"],
        capture_output=True, text=True, check=True, env={"RUNNER_TEMP": str(temp), "PATH": sysconfig.get_path("scripts") + ":/usr/bin:/bin:/usr/local/bin"},
    ).stdout.strip()  # fmt: skip
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
    site = Path(
        subprocess.run(
            [f"{made}/bin/python", "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    sources = [ROOT / "runner", ROOT / "entrypoint", sysconfig.get_path("purelib")]
    (site / "tests.pth").write_text("".join(f"{each}\n" for each in sources))
    Path(made, "ready").touch()
    return temp


@pytest.fixture(scope="session")
def the_action() -> Action:
    return Action.read(ROOT)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with github() as fake:
        yield fake


@pytest.fixture
def aws(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Account]:
    """A test may give its options by an indirect parameter."""
    with account(tmp_path / "aws", **getattr(request, "param", {})) as made:
        yield made


@pytest.fixture
def pull_request(runner: Runner, hub: FakeGitHub) -> dict[str, str]:
    """The event of pull request 7 on the runner, and the inputs of a step that shows its run there."""
    runner.github |= {
        "repository": REPOSITORY,
        "event_name": "pull_request",
        "token": TOKEN,
        "event": hub.pull_request(),
    }
    runner.environment["GITHUB_API_URL"] = hub.url
    return {"comment": "always", "comment-key": "tests", "log-lines": "1"}


@pytest.fixture
def runner(tmp_path: Path, runner_temp: Path, aws: Account) -> Iterator[Runner]:
    """A checkout with a project and its input, in a job whose credentials are in the environment."""
    environment = {name: value for name, value in aws.environment().items() if name.startswith(("AWS_", "XDG_"))}
    made = Runner(tmp_path / "runner", temp=runner_temp, environment=environment)
    make_project(made.workspace)
    yield made
    made.close()
