"""`-o` of the commands that know no project: refused before AWS is asked for anything, and before a run is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws_run.cli.commands.attach import attach
from aws_run.cli.commands.pull import pull
from aws_run.cli.commands.start import start
from aws_run.cli.compose import refuse_output
from aws_run.cli.main import _run
from aws_run.cli.output_memory import output_for, remember_output
from aws_run.errors import ConfigError
from aws_run.runs.spec import InputPin, JobSpec

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/arun/demo@sha256:{'0' * 64}"
PIN = InputPin(label="data", snapshot_key="inputs/demo/data.snapshot.json", version_id="v1", files=1, bytes=5)
RUN = "demo-20260102-030405-abcd"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, /…/home/work/proj; the home folder is /…/home."""
    folder = tmp_path / "home" / "work" / "proj"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("print()\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_REGION", "mars-1")  # refused by the first look at AWS's configuration
    return folder


@pytest.mark.parametrize("command", [pull, attach, start])
@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("/", "far more than results"),
        ("../..", "far more than results"),
        ("../../..", "far more than results"),
        ("..", "and more"),
        (".", "project's folder"),
        ("main.py", "is a file"),
        ("main.py/below", "main.py is a file"),
    ],
)
def test_a_folder_that_is_not_the_results_is_refused(
    command: object, output: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "job.json"
    spec.write_text(json.dumps(JobSpec(name="demo", image=IMAGE, inputs=(PIN,)).to_json()))
    words = [str(spec) if command is start else RUN, "-o", output]
    assert _run(words, debug=False, command=command) == 2  # type: ignore[arg-type]
    told = capsys.readouterr().err.replace("\n", " ")
    assert why in told
    assert f"-o {output}:" in told


def test_a_folder_that_this_user_can_not_write_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # as root everything may be written
    with pytest.raises(ConfigError, match="can't be written by this user"):
        output_for(RUN, given=Path("new"), configured=None)


def test_the_current_folder_takes_results_where_it_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "results").mkdir()
    monkeypatch.chdir(tmp_path / "home" / "results")
    refuse_output(Path(), "-o .")
    with pytest.raises(ConfigError, match="far more than results"):
        refuse_output(Path(".."), "-o ..")


def test_who_stands_among_a_runs_results_fetches_them_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "out" / "plots").mkdir(parents=True)
    remember_output(RUN, project / "out")
    monkeypatch.chdir(project / "out" / "plots")
    assert output_for(RUN, given=None, configured=None) == project / "out"


def test_a_folder_that_the_configuration_names_is_looked_at_too() -> None:
    with pytest.raises(ConfigError, match="far more than results"):
        output_for(RUN, given=None, configured=Path("/"))
