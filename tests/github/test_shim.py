"""The shim itself: which Python it takes, what it installs, and what it never imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.crash.account import Account
from tests.github.runner import ROOT, Action, Runner
from tests.github.test_action import GIVEN


def test_nothing_of_the_project_is_imported_or_run_on_the_runner(
    aws: Account, runner: Runner, the_action: Action, tmp_path: Path
) -> None:
    """A pull request chooses these files. `python -m` would take modules from the working directory, were it not for -I."""
    canary = tmp_path / "canary"
    hostile = f"import pathlib; pathlib.Path({str(canary)!r}).write_text(__name__)\n"
    names = ("yaml", "boto3", "click", "aws_run", "pip", "sitecustomize", "usercustomize", "typing_extensions")
    for folder in (runner.workspace, runner.workspace / "tiny"):
        for name in names:
            (folder / f"{name}.py").write_text(hostile)
        (folder / "setup.py").write_text(hostile)
        (folder / "conftest.py").write_text(hostile)
        (folder / "aws_run").mkdir()
        (folder / "aws_run" / "__init__.py").write_text(hostile)
    # Refused before anything is made: the plan has read the project by then.
    step = runner.run(
        the_action,
        {**GIVEN, "max-cost": "0.0001"},
        PYTHONPATH=str(runner.workspace),
        PYTHONSTARTUP=str(runner.workspace / "yaml.py"),
    )
    assert step.exit_code not in (0, None)
    assert "max-cost" in step.log.text, step.log.text
    assert not canary.exists()


def fake_python(folder: Path, *, code: int = 0, fails_at: str = "nothing") -> tuple[Path, Path]:
    """A Python that writes down how it is called, and makes environments that hold itself."""
    calls, program = folder / "calls", folder / "fake-python"
    program.write_text(
        f"""#!{sys.executable}
import json, os, shutil, sys
with open({str(calls)!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if "venv" in sys.argv[2:4] and "-m" in sys.argv:
    os.makedirs(sys.argv[-1] + "/bin", exist_ok=True)
    shutil.copy(__file__, sys.argv[-1] + "/bin/python")
failing = {fails_at!r} in sys.argv or ({fails_at!r} == "checkout" and "aws_run_checkout" in " ".join(sys.argv))
sys.exit(1 if failing else {code})
"""
    )
    program.chmod(0o755)
    return program, calls


def test_what_it_installs_is_locked_by_hash_and_taken_as_wheels_in_an_isolated_python(
    runner: Runner, the_action: Action, tmp_path: Path
) -> None:
    program, calls = fake_python(tmp_path)
    runner.temp = tmp_path / "temp"
    step = runner.run(the_action, {**GIVEN, "python": str(program)})
    assert step.exit_code == 0, step.log.text
    called = [json.loads(line) for line in calls.read_text().splitlines()]
    assert all(call[0] == "-I" for call in called)
    install = next(call for call in called if "pip" in call)
    assert {"--require-hashes", "--only-binary=:all:", str(ROOT / "requirements" / "action.txt")} <= set(install)
    write = next(call for call in called if "aws_run_checkout.pth" in " ".join(call))
    assert write[-2:] == [str(ROOT / "runner"), str(ROOT / "entrypoint")]
    assert called[-1] == ["-I", "-m", "aws_run.cli", "github", "action"]
    before = len(called)
    runner.run(the_action, {**GIVEN, "python": str(program)})
    again = calls.read_text().splitlines()[before:]
    assert [json.loads(line) for line in again] == [["-I", "-m", "aws_run.cli", "github", "action"]], "made once a job"


@pytest.mark.parametrize(("fails_at", "word"), [("venv", "environment"), ("pip", "packages"), ("checkout", "checkout")])
def test_an_installation_that_fails_says_what_failed_and_is_made_again_the_next_time(
    runner: Runner, the_action: Action, tmp_path: Path, fails_at: str, word: str
) -> None:
    program, _ = fake_python(tmp_path, fails_at=fails_at)
    runner.temp = tmp_path / "temp"
    step = runner.run(the_action, {**GIVEN, "python": str(program)})
    assert step.exit_code == 125
    assert word in step.log.annotations[0].message
    assert step.log.depth == 0
    assert not list(runner.temp.rglob("ready")) if runner.temp.exists() else True


@pytest.mark.parametrize("given", ["/nowhere/python", ""])
def test_a_runner_without_a_fitting_python_is_told_what_to_put_before_the_step(
    runner: Runner, the_action: Action, tmp_path: Path, given: str
) -> None:
    runner.temp = tmp_path / "temp"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3", "python"):
        old = fake_python(tmp_path, code=1)[0]
        (tools / name).write_text(old.read_text())
        (tools / name).chmod(0o755)
    node = Path(
        subprocess.run(["node", "-p", "process.execPath"], capture_output=True, text=True, check=True).stdout.strip()
    )
    (tools / "node").symlink_to(node)
    runner.environment["PATH"] = str(tools)
    step = runner.run(the_action, {**GIVEN, "python": given})
    assert step.exit_code == 125
    assert "actions/setup-python" in step.log.annotations[0].message


def test_post_of_a_step_that_made_nothing_starts_nothing(runner: Runner, the_action: Action, tmp_path: Path) -> None:
    runner.temp = tmp_path / "nothing-here"
    step = runner.run(the_action, {**GIVEN, "python": "/nowhere/python"})
    after = runner.post(the_action, GIVEN, step)
    assert (after.exit_code, after.log.lines) == (0, [])


@pytest.mark.nightly
def test_the_real_installation_runs_the_tool(runner: Runner, the_action: Action, tmp_path: Path) -> None:
    runner.temp = tmp_path / "temp"
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "XDG_CONFIG"))}
    step = runner.run(the_action, {"path": "tiny"}, **settings)
    assert step.exit_code == 2, step.log.text
    assert "no input folder is given" in step.log.annotations[0].message
