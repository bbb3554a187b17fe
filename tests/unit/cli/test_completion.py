"""What a shell needs to complete `aws-run …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from aws_run.cli import main
from aws_run.cli.commands.completion import SHELLS, place, script
from aws_run.cli.options import setting
from aws_run.cli.output_memory import remember_output
from aws_run.cli.types import RUN
from aws_run.config.options import option_of

CONTEXT = click.Context(main.cli)
RUN_ARGUMENT = click.Argument(["run"])
TOOL = Path(sys.executable).with_name("aws-run")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script_where_it_looks(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    assert main._run(["completion", "install"], debug=False) == 0
    written = place(shell, {}, tmp_path)
    assert str(written) in capsys.readouterr().err
    assert "_AWS_RUN_COMPLETE" in written.read_text()
    assert main._run(["completion", "show", shell], debug=False) == 0
    assert capsys.readouterr().out.strip() == script(shell).strip()


def test_an_unknown_shell_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert main._run(["completion", "install"], debug=False) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


def test_commands_are_completed_by_the_program_itself() -> None:
    environ = {"_AWS_RUN_COMPLETE": "bash_complete", "COMP_WORDS": "aws-run su", "COMP_CWORD": "1", "PATH": "/usr/bin"}
    done = subprocess.run([str(TOOL)], env=environ, capture_output=True, text=True, check=False)
    assert "plain,submit" in done.stdout, done.stderr


def test_the_runs_of_this_machine_are_completed_without_asking_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert RUN.shell_complete(CONTEXT, RUN_ARGUMENT, "") == []
    for run in ("demo-20260102-030405-abcd", "other-20260102-030405-abcd"):
        remember_output(run, tmp_path)
    (tmp_path / "aws-run" / "outputs" / "no run").touch()
    completed = [item.value for item in RUN.shell_complete(CONTEXT, RUN_ARGUMENT, "demo")]
    assert completed == ["demo-20260102-030405-abcd"]


def test_a_run_is_completed_behind_every_command_that_takes_one() -> None:
    for name in (
        "attach",
        "cancel",
        "cleanup",
        "diff",
        "explain",
        "logs",
        "open",
        "pull",
        "rerun",
        "report",
        "cost",
        "exec",
        "status",
        "wait",
    ):
        command = main.cli.get_command(CONTEXT, name)
        assert command is not None
        arguments = [one for one in command.params if isinstance(one, click.Argument) and one.type is RUN]
        assert arguments, name


def completed(field: str, start: str) -> list[str]:
    @setting(option_of(field))
    def command() -> None: ...

    option = click.command()(command).params[0]
    return [item.value for item in option.shell_complete(CONTEXT, start)]


def test_projects_are_completed_from_the_runs_of_this_machine_and_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "My Forest").mkdir()
    monkeypatch.chdir(tmp_path / "My Forest")
    assert completed("name", "") == ["my-forest"]
    for run in ("demo-20260102-030405-abcd", "demo-20260102-030405-abce", "other-a-20260102-030405-abcd"):
        remember_output(run, tmp_path)
    assert sorted(completed("name", "")) == ["demo", "my-forest", "other-a"]
    assert completed("name", "oth") == ["other-a"]


@pytest.mark.parametrize(
    ("field", "start", "among"),
    [
        ("resources.gpu", "l4", {"L4", "L40S"}),
        ("resources.gpu", "", {"T4", "A10G", "H100"}),
        ("resources.instance_types", "g6.", {"g6.xlarge"}),
        ("backend", "f", {"fargate"}),
        ("region", "eu-c", {"eu-central-1", "eu-central-2"}),
        ("spot_policy", "", {"auto"}),
    ],
)
def test_values_are_completed_from_what_this_machine_knows(field: str, start: str, among: set[str]) -> None:
    got = completed(field, start)
    assert among <= set(got)
    assert all(value.lower().startswith(start) for value in got)


def test_a_profile_is_completed_from_the_configuration_and_a_broken_one_breaks_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    config.write_text("[profile work]\nregion = us-east-1\n")
    assert completed("profile", "w") == ["work"]
    config.write_text("[[[")
    assert completed("profile", "w") == []
