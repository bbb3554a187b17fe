"""`aws-run local start`: of several at once one starts it, and what the running one can't take up is refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.local.cli_support import TIMEOUT_S, command

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """`aws-run local …` of a user who has no embedded AWS running; the one that is started is stopped."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    def local(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command("local", *arguments), capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            env={**kept, "XDG_STATE_HOME": str(tmp_path / "state")}, cwd=tmp_path, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    yield local
    local("stop")


def test_terminals_that_start_one_at_once_all_have_its_environment(run: Run) -> None:
    with ThreadPoolExecutor(max_workers=3) as pool:
        done = list(pool.map(lambda _: run("start", "--runtime", "process", "--json"), range(3)))
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    assert len({json.loads(each.stdout)["environment"]["AWS_ENDPOINT_URL"] for each in done}) == 1


def test_what_the_running_one_was_not_started_with_is_refused(run: Run) -> None:
    assert run("start", "--runtime", "process").returncode == 0
    for options in (["--runtime", "docker"], ["--port", "1234"], ["--chaos", "1"], ["--boot-seconds", "9"]):
        refused = run("start", *options)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"An embedded AWS is running already, so {options[0]} can't be applied" in refused.stderr
        assert 'eval "$(aws-run local stop)"' in refused.stderr
    for options in ([], ["--runtime", "process"], ["--runtime", "auto"]):
        assert "export AWS_ENDPOINT_URL=" in run("start", *options).stdout
