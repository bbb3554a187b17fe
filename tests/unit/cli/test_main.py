"""The front door: quick help, near misses, and one exit code for each kind of failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from aws_run import errors
from aws_run.cli import main

HEAVY = {"boto3", "botocore", "docker", "moto", "flask", "pydantic", "yaml", "requests"}
GROUPS = {"config": ("schema",), "local": ("start", "stop", "status")}
EVERY_COMMAND = [(), *((name,) for name in main.COMMANDS), *((g, sub) for g, subs in GROUPS.items() for sub in subs)]


def test_every_commands_help_works_and_imports_nothing_heavy() -> None:
    """All in one process: what one of them imports is there for good."""
    script = f"""
import sys
from pathlib import Path
from aws_run.cli.main import _run
for words in {EVERY_COMMAND!r}:
    code = _run([*words, "--help"], False)
    assert code == 0, (words, code)
print("HEAVY", sorted({HEAVY!r} & {{name.split(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"
    assert done.stdout.count("Usage: aws-run") == len(EVERY_COMMAND)


LIBRARIES = ("boto3", "docker", "pathspec", "pydantic", "yaml")


@pytest.mark.parametrize(
    ("imports", "unused"),
    [
        (
            "aws_run.cli.compose, aws_run.lifecycle.run_status, aws_run.usecases.ps",
            (
                "aws_run.image",
                "aws_run.infra.resource_types",
                "aws_run.data",
                "aws_run_entrypoint.transfer",
                *LIBRARIES,
            ),
        ),
        (
            "aws_run.cli.compose, aws_run.usecases.plan",
            ("aws_run.project.missing.find", "aws_run.usecases.submit", *LIBRARIES),
        ),
    ],
    ids=["ps and status", "plan"],
)
def test_commands_that_only_look_import_little(imports: str, unused: tuple[str, ...], tmp_path: Path) -> None:
    """What they cost of their own is their imports (benchmarks/cli): no library for what this project has not."""
    script = f"""
import pathlib, sys
import {imports}
from aws_run.config import load_config
load_config(pathlib.Path({str(tmp_path)!r}), file=None, flags={{"memory": "4GB"}}, environ={{}}, for_run=False)
print(sorted(name for name in sys.modules if name in {unused!r}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", EVERY_COMMAND)
def test_every_command_says_what_it_does(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run([*words, "--help"], debug=False) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert len(told.out.splitlines()) > 3


def test_the_list_of_commands_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    main._run(["--help"], debug=False)
    told = capsys.readouterr().out
    for name, (_, line) in main.COMMANDS.items():
        assert name in told
        assert line in told


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["statsu"], "did you mean 'status'"),
        (["cleenup", "x"], "did you mean 'cleanup'"),
        (["qqq"], "no command 'qqq'"),
        (["submit", "--gpuu", "1"], "--gpu"),
        (["cleanup"], "RUN"),
        (["local", "sturt"], "sturt"),
        (["status", "--nonsense"], "--nonsense"),
        (["submit", ""], "it is empty"),
        (["plan", " "], "it is empty"),
        (["init", ""], "it is empty"),
        (["cleanup", ""], "it is empty"),
        (["status", ""], "it is empty"),
        (["pull", "-o", ""], "it is empty"),
        (["submit", ".", "-i", "", "-o", "out"], "-i : needs a folder"),
        (["submit", ".", "-i", ".", "-o", ""], "-o : needs a folder"),
        (["submit", ".", "-n", ""], "is not a project name"),
        (["submit", ".", "--file", ""], "it is empty"),
        (["submit", ".", "--env-file", ""], "it is empty"),
        (["submit", ".", "--subnets", ""], "it is empty"),
        (["submit", ".", "--security-groups", ""], "it is empty"),
    ],
)
def test_what_was_mistyped_is_said_with_exit_code_2(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main._run(arguments, debug=False) == 2
    told = capsys.readouterr()
    assert part in told.err
    assert told.out == ""


def failing(error: BaseException) -> click.Command:
    def callback() -> None:
        raise error

    return click.Command("fails", callback=callback)


def kinds(base: type[errors.AwsRunError] = errors.AwsRunError) -> list[type[errors.AwsRunError]]:
    return [base, *(deeper for kind in base.__subclasses__() for deeper in kinds(kind))]


EXIT_CODES = {
    "AwsRunError": 125,
    "UsageError": 2,
    "DeclinedError": 2,
    "ConfigError": 2,
    "FarTooMuchError": 2,
    "RefChangedError": 2,
    "SourceError": 2,
    "AmbiguousScriptError": 2,
    "RunNotFoundError": 2,
    "DockerError": 125,
    "BuildError": 125,
    "CredentialsError": 125,
    "AwsCallError": 125,
    "PreflightError": 125,
    "OutOfReachError": 125,
    "CapacityError": 125,
    "DeadlineError": 124,
    "TransferError": 125,
    "DamagedError": 125,
    "TeardownError": 125,
    "InterruptedRunError": 130,
}
NEEDED: dict[str, dict[str, Any]] = {
    "AwsCallError": {"code": "X", "operation": "Y"},
    "AmbiguousScriptError": {"candidates": ()},
    "TeardownError": {"commands": ("aws ecs delete-cluster --cluster c",)},
}


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("name", EXIT_CODES)
def test_each_kind_of_failure_has_its_exit_code_sentence_and_hint(
    name: str, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    error = getattr(errors, name)("It went wrong", hint="try this", **NEEDED.get(name, {}))
    assert main._run([], debug, failing(error)) == EXIT_CODES[name]
    told = capsys.readouterr()
    assert told.out == ""
    assert "It went wrong" in told.err
    assert "try this" in told.err
    assert ("Traceback" in told.err) is debug


def test_the_table_above_knows_every_kind_of_ours() -> None:
    ours = {kind.__name__ for kind in kinds() if kind.__module__ == "aws_run.errors"}
    assert ours == set(EXIT_CODES)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_is_130(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run([], False, failing(error)) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_is_125_and_says_so(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run([], debug, failing(ZeroDivisionError("oops"))) == 125
    told = capsys.readouterr().err
    assert "aws-run itself failed: ZeroDivisionError: oops" in told
    assert "aws-run gc" not in told, "most commands start nothing that could be left"
    assert ("Traceback" in told) is debug


def test_a_commands_own_code_is_the_exit_code() -> None:
    assert main._run([], False, click.Command("seven", callback=lambda: 7)) == 7
    assert main._run([], False, click.Command("nothing", callback=lambda: None)) == 0
