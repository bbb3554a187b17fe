"""stdout whose reader goes away or whose disk is full: the run's own exit code survives, and nobody sees a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# What `submit` does at its end: the one object on stdout, then the job's exit code.
_COMMAND = """
import sys
import click
from aws_run.cli import main
code = int(sys.argv[1])
def callback():
    for _ in range(3):
        click.echo("x" * 100_000)
    click.echo("said on stderr", err=True)
    return code
real = main._run
main._run = lambda arguments, debug: real([], debug, click.Command("ends", callback=callback))
main.main()
"""


def run(code: int, shell: str) -> subprocess.CompletedProcess[str]:
    """`shell`: bash around "$0" -c "$1" CODE; the exit code is the command's own."""
    return subprocess.run(
        ["bash", "-c", shell, sys.executable, _COMMAND, str(code)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("code", [0, 7, 124])
def test_a_reader_of_stdout_that_is_gone_changes_no_exit_code(code: int) -> None:
    done = run(code, '"$0" -c "$1" "$2" | true; exit ${PIPESTATUS[0]}')
    assert done.returncode == code
    assert done.stderr == "said on stderr\n"


def test_readers_of_both_streams_that_are_gone_change_no_exit_code() -> None:
    assert run(7, '"$0" -c "$1" "$2" 2>&1 | true; exit ${PIPESTATUS[0]}').returncode == 7


def test_a_stdout_that_is_closed_changes_no_exit_code() -> None:
    assert run(7, '"$0" -c "$1" "$2" >&-').returncode == 7


@pytest.mark.parametrize(("code", "ends"), [(0, 125), (7, 7)])
def test_a_full_disk_under_the_result_is_said(code: int, ends: int) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = run(code, '"$0" -c "$1" "$2" > /dev/full')
    assert done.returncode == ends
    assert "could not be written to stdout: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def aws_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aws_run.cli", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments", [("submit", "--nonsense", "--json"), ("statsu", "--json"), ("submit", "/nowhere", "--json")]
)
def test_what_was_mistyped_is_one_object_for_machines(arguments: tuple[str, ...]) -> None:
    done = aws_run(*arguments)
    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_code"] == 2


def test_flags_of_the_script_are_not_ours() -> None:
    done = aws_run("submit", "/nowhere", "--", "--json", "--debug")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
