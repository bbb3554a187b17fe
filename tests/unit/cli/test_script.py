"""PATH, --command and what follows `--`: what each of them says of the script."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aws_run.cli import main, output_memory
from aws_run.cli.commands.rerun import rerun
from aws_run.cli.commands.submit import plan, submit
from aws_run.cli.output_memory import remember_output, remembered_output
from aws_run.cli.script import flags_with_script, project_and_script, with_chosen_script
from aws_run.config import Config
from aws_run.config.load import load_config
from aws_run.errors import AmbiguousScriptError, UsageError
from aws_run.naming import shortens

RUN = "proj-20260131-120000-abcd"
SCRIPT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-i')\np.add_argument('-o')\np.parse_args()\n"


def parsed(*words: str) -> dict[str, object]:
    return submit.make_context("submit", list(words)).params


@given(st.lists(st.text(max_size=6), max_size=4))
def test_what_follows_two_dashes_is_the_scripts_whatever_it_is(words: list[str]) -> None:
    for own in ([], ["proj"], ["proj", "-i", "data", "--spot"]):
        params = parsed(*own, "--", *words)
        assert params["args"] == tuple(words)
        assert params["path"] == Path("proj" if own else ".")
    assert plan.make_context("plan", ["--", "--epochs", "3"]).params["args"] == ("--epochs", "3")


def test_two_dashes_alone_clear_the_arguments_that_a_run_had() -> None:
    def given(*words: str) -> object:
        return rerun.make_context("rerun", list(words)).params["args"]

    assert (given(RUN), given(RUN, "--"), given("--"), given(RUN, "--", "--epochs", "3")) == (
        None, (), (), ("--epochs", "3"),
    )  # fmt: skip


def test_a_word_after_path_is_refused_and_the_way_to_give_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["submit", ".", "train.py", "7"], debug=False) == 2
    assert "-- train.py 7" in capsys.readouterr().err


def test_a_script_stands_for_the_project_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    for name in ("train.py", "pkg/main.py"):
        (project / name).write_text(SCRIPT)
    monkeypatch.chdir(project)
    assert project_and_script(Path("train.py")) == (project, "train.py")
    assert project_and_script(Path("pkg/main.py")) == (project, "pkg/main.py")
    assert project_and_script(Path()) == (Path(), None)
    (project / "pkg" / "pyproject.toml").touch()
    assert project_and_script(Path("pkg/main.py")) == (project / "pkg", "main.py")
    monkeypatch.chdir(tmp_path.parent)
    (project / "requirements.txt").touch()
    assert project_and_script(project / "train.py") == (project, "train.py")


def test_a_script_that_imports_from_its_package_runs_as_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "train.py").write_text("from . import model\n" + SCRIPT)
    monkeypatch.chdir(tmp_path)
    folder, flags = flags_with_script(Path("pkg/train.py"), {"command": None, "cpu": "4"})
    assert (folder, flags) == (tmp_path, {"command": "python -m pkg.train", "cpu": "4"})
    (tmp_path / "my train.py").write_text(SCRIPT)
    folder, flags = flags_with_script(Path("my train.py"), {"command": None})
    config = load_config(folder, file=None, flags=flags, environ={}, for_run=False)
    assert config.command == ("python", "my train.py")
    with pytest.raises(UsageError, match="both say what to run"):
        flags_with_script(Path("pkg/train.py"), {"command": "python x.py"})


@pytest.mark.parametrize(("name", "helps"), [("notes.txt", "--command"), ("job.yaml", "-f ")])
def test_a_file_that_is_no_script_is_refused_with_what_helps(tmp_path: Path, name: str, helps: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        project_and_script(tmp_path / name)
    assert helps in (caught.value.hint or "")


TWO = AmbiguousScriptError(
    "Several scripts take -i and -o: eval.py, train.py",
    candidates=(("eval.py", ("python", "eval.py")), ("train.py", ("python", "train.py"))),
)


def chosen(config: Config) -> tuple[str, ...]:
    if config.command is None:
        raise TWO
    return config.command


def test_on_a_terminal_one_of_several_scripts_is_chosen(tmp_path: Path) -> None:
    @click.command()
    def ask() -> None:
        click.echo(with_chosen_script(Config(project_dir=tmp_path, name="p"), chosen, terminal=True))

    answered = CliRunner().invoke(ask, input="3\n2\n")
    assert answered.exit_code == 0
    assert "('python', 'train.py')" in answered.output
    assert "2  train.py" in answered.output


def test_without_a_terminal_several_scripts_stay_an_error(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousScriptError):
        with_chosen_script(Config(project_dir=tmp_path, name="p"), chosen, terminal=False)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("proj", True), ("proj-2026", True), ("20260131-12", True), ("abcd", True), ("bcd", False), ("d", False), ("2", False), ("2026", True), (RUN, True), ("roj", False),
     ("120000", False), ("proj-2027", False), ("0131", False)],
)  # fmt: skip
def test_a_run_may_be_called_by_its_beginning_its_time_or_its_end(text: str, fits: bool) -> None:
    assert shortens(text, RUN) is fits


def test_a_runs_output_folder_is_remembered_on_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    monkeypatch.setattr(output_memory, "_MOST", 3)
    assert remembered_output(RUN) is None
    remember_output(RUN, tmp_path / "res")
    assert remembered_output(RUN) == tmp_path / "res"
    assert remembered_output("../outputs/" + RUN) is None
    os.utime(tmp_path / "one" / "aws-run" / "outputs" / RUN, (0, 0))
    for number in range(3):
        remember_output(f"proj-20260131-12000{number}-0000", tmp_path)
    assert remembered_output(RUN) is None
    assert remembered_output("proj-20260131-120000-0000") == tmp_path
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    remember_output(RUN, tmp_path)
    assert remembered_output(RUN) is None


@pytest.mark.parametrize(("name", "command"), [("a.ipynb", "a.ipynb"), ("run.sh", "sh run.sh")])
def test_a_notebook_and_a_shell_script_may_be_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str
) -> None:
    (tmp_path / name).write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    folder, flags = flags_with_script(Path(name), {})
    assert (folder, flags) == (tmp_path, {"command": command})
