"""The scripts that set a machine up: what they choose, and what they say when something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from tests.unit.tools_support import TOOLS, tool_module


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what the test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def find_python(bin_dir: Path) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(TOOLS / "find-python")]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(bin_dir)})


def test_a_python_that_starts_nothing_is_passed_over(bin_dir: Path) -> None:
    program(bin_dir, "python3", "exit 127")
    program(bin_dir, "python3.14", "exit 127")
    newer = program(bin_dir, "python3.12", f'exec "{sys.executable}" "$@"')
    assert find_python(bin_dir).stdout == f"{newer}\n"


def test_no_python_at_all_is_one_sentence_with_the_way_out(bin_dir: Path) -> None:
    done = find_python(bin_dir)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no Python 3.10 or newer is on the PATH" in done.stderr


def test_a_python_without_venv_is_named_with_the_package_to_install(bin_dir: Path) -> None:
    program(bin_dir, "python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec "{sys.executable}" "$@"')
    done = find_python(bin_dir)
    assert done.returncode == 1
    assert done.stderr.startswith("error: python3 can't make virtual environments")
    assert "python3-venv" in done.stderr


def test_without_an_engine_docker_up_says_so_in_one_sentence() -> None:
    if shutil.which("bash") is None:
        pytest.fail("bash is what the scripts are written in")
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    command = ["bash", str(TOOLS / "docker-up")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: DOCKER_HOST is unix:///nonexistent/docker.sock")


def test_a_gateway_that_can_not_be_had_is_one_sentence_with_what_to_install(bin_dir: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    asked = [bash, str(TOOLS / "radosgw-up")]
    environment = {"PATH": str(bin_dir)}
    possible = subprocess.run([*asked, "--possible"], capture_output=True, text=True, check=False, env=environment)
    assert (possible.returncode, possible.stderr) == (1, "")
    done = subprocess.run([*asked, str(bin_dir / "s3")], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: radosgw is missing, and only root can install it: apt-get install radosgw ")
    assert done.stderr.count("\n") == 1


def uv_env() -> ModuleType:
    return tool_module("uv-env")


def test_uv_meets_the_index_and_the_certificates_that_pip_is_set_to() -> None:
    settings = {"index-url": "https://mirror.example/simple", "cert": "/etc/company.pem", "find-links": "/a /b"}
    assert uv_env().uv_environment(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/company.pem",
        "UV_FIND_LINKS": "/a,/b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_is_set_for_uv_itself_stays() -> None:
    environment = {"UV_DEFAULT_INDEX": "https://mine.example/simple", "UV_INDEX_STRATEGY": "first-index"}
    assert uv_env().uv_environment({"index-url": "https://mirror.example/simple"}, environment) == {}


def test_a_browser_that_can_not_be_had_is_one_sentence_with_what_to_install(bin_dir: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    asked, environment = [bash, str(TOOLS / "chromium-up")], {"PATH": str(bin_dir)}
    possible = subprocess.run([*asked, "--possible"], capture_output=True, text=True, check=False, env=environment)
    assert (possible.returncode, possible.stderr) == (1, "")
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no Chromium is here, and only root can install it: apt-get install chromium\n"
    here = program(bin_dir, "google-chrome", "exit 0")
    assert subprocess.run(asked, capture_output=True, text=True, check=False, env=environment).stdout == f"{here}\n"


@pytest.fixture
def lock_repository(tmp_path: Path) -> Path:
    """A checkout with tools/lock and a uv that answers every compilation with the text in `answer`."""
    for folder in ("tools", "requirements", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(TOOLS / "lock", tmp_path / "tools" / "lock")
    for name in (
        "dev",
        "action",
        "demo",
        "uv",
        "audit",
        *(path.stem for path in TOOLS.parent.glob("requirements/clients*.txt")),
    ):
        (tmp_path / "requirements" / f"{name}.txt").write_text("pinned==1\n")
    (tmp_path / "answer").write_text("pinned==1\n")
    script = 'while [ $# -gt 0 ]; do if [ "$1" = --output-file ]; then cat answer >"$2"; fi; shift; done'
    program(tmp_path / ".venv/bin", "uv", script)
    return tmp_path


def lock(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(repository / "tools" / "lock"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_locks_that_are_what_they_should_be_are_left_alone(lock_repository: Path) -> None:
    done = lock(lock_repository, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (lock(lock_repository).returncode, lock(lock_repository).stderr) == (0, "")


def test_a_check_of_stale_locks_names_them_and_writes_nothing(lock_repository: Path) -> None:
    (lock_repository / "answer").write_text("pinned==2\n")
    done = lock(lock_repository, "--check")
    assert done.returncode == 1
    assert "requirements/uv.txt" in done.stderr
    assert (lock_repository / "requirements" / "uv.txt").read_text() == "pinned==1\n"
    assert lock(lock_repository).returncode == 0
    assert (lock_repository / "requirements" / "uv.txt").read_text() == "pinned==2\n"
    assert lock(lock_repository, "--check").returncode == 0


def answers(*texts: str) -> Callable[[Sequence[str]], subprocess.CompletedProcess[str]]:
    """A pip-audit that prints these texts in turn; an empty one is a service that can't be reached."""
    left = list(texts)
    return lambda command: subprocess.CompletedProcess(command, 0 if left[0] else 1, left.pop(0), "")


CLEAN = '{"dependencies": [{"name": "click", "version": "8.2", "vulns": []}]}'
SKIPPED = '{"dependencies": [{"name": "click", "skip_reason": "not on PyPI"}]}'
VULNERABLE = (
    '{"dependencies": [{"name": "click", "version": "8.2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["8.3"]}]}]}'
)


@pytest.mark.parametrize(
    ("texts", "code", "words"),
    [
        ([CLEAN], 0, "dev.txt: nothing known"),
        ([SKIPPED, CLEAN], 0, "dev.txt: nothing known"),
        ([SKIPPED, ""], 2, "1 packages of dev.txt were not audited, because no service answers for them: click"),
        (["", ""], 2, "dev.txt was not audited: no vulnerability service could be reached"),
        (["[]", "null"], 2, "dev.txt was not audited: no vulnerability service could be reached"),
        ([VULNERABLE], 1, "click 8.2: PYSEC-1, fixed in 8.3"),
    ],
)
def test_an_audit_is_clean_only_where_every_package_was_looked_up(
    capsys: pytest.CaptureFixture[str], texts: list[str], code: int, words: str
) -> None:
    assert tool_module("audit").main([Path("dev.txt")], "pip-audit", answers(*texts)) == code
    assert words in capsys.readouterr().err


class FakeAwsRun:
    """An aws-run whose plan ends as it is told, and whose submit leaves the demo's results."""

    def __init__(self, out: Path, *, plan: tuple[int, str], submit: int = 0) -> None:
        self.out, self.plan, self.submit = out, plan, submit
        self.runtimes: list[str] = []

    def __call__(self, *arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
        if arguments[0] == "plan":
            assert quiet
            return subprocess.CompletedProcess(arguments, self.plan[0], self.plan[1], "")
        self.runtimes.append(arguments[arguments.index("--runtime") + 1])
        self.out.mkdir(parents=True)
        for name in ("scores.csv", "importance.png"):
            (self.out / name).write_text("x")
        return subprocess.CompletedProcess(arguments, self.submit, "", "")


NO_BASE = '{"type": "DockerError", "message": "the base image b can\'t be had", "hint": "--runtime process"}'


@pytest.mark.parametrize(
    ("plan", "runtime", "words"),
    [
        ((0, "{}"), "auto", ""),
        ((125, NO_BASE), "process", "the base image b can't be had."),
        ((125, '{"type": "AwsCallError", "message": "x"}'), "auto", ""),
        ((125, ""), "auto", ""),
    ],
)
def test_the_demo_leaves_the_container_only_where_the_engine_can_not_be_used_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: tuple[int, str], runtime: str, words: str
) -> None:
    run = FakeAwsRun(tmp_path / "out", plan=plan)
    assert tool_module("demo").demo(tmp_path / "out", "auto", run) == 0
    assert run.runtimes == [runtime]
    told = capsys.readouterr().err
    assert words in told
    assert ("--runtime process" in told) == (runtime == "process")


def test_the_demo_takes_the_runtime_that_is_named_without_a_plan(tmp_path: Path) -> None:
    run = FakeAwsRun(tmp_path / "out", plan=(1, "no plan is made"))
    assert tool_module("demo").demo(tmp_path / "out", "process", run) == 0
    assert run.runtimes == ["process"]


def test_a_demo_whose_run_fails_has_its_exit_code_and_names_the_way_without_containers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = FakeAwsRun(tmp_path / "out", plan=(0, "{}"), submit=125)
    assert tool_module("demo").demo(tmp_path / "out", "auto", run) == 125
    assert "make demo RUNTIME=process" in capsys.readouterr().err
