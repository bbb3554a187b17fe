"""`aws-run submit` of a folder whose own file reaches outside of it: nothing starts without a yes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from aws_run.cli import compose, main
from aws_run.cli.trust import ask_whether_meant, once, warn_of_doubt
from aws_run.errors import EXIT_USAGE, DeclinedError, FarTooMuchError, UsageError
from aws_run.events import Event, Notice
from aws_run.report import make_reporter

if TYPE_CHECKING:
    from aws_run.report import Reporter


class ReachedAws(Exception):
    """The run would have gone on to AWS."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a file that sends the home folder's results elsewhere and takes a token."""

    def reached(**_where: object) -> None:
        raise ReachedAws

    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "aws-run.yaml").write_text("input: data\noutput: ../elsewhere\nenv: {TOKEN: null}\n")
    monkeypatch.setenv("TOKEN", "hunter2")
    monkeypatch.setattr(compose, "open_aws", reached)
    return folder


def test_without_a_terminal_it_is_a_usage_error_that_names_each(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main._run(["submit", str(project), "--json"], debug=False) == EXIT_USAGE
    told = capsys.readouterr()
    error = json.loads(told.out)
    assert error["exit_code"] == EXIT_USAGE
    assert str(project.parent / "elsewhere") in error["message"]
    assert "TOKEN" in error["message"]
    assert "hunter2" not in told.out + told.err


def test_who_has_said_yes_is_asked_the_same_once() -> None:
    asked: list[str] = []
    agree = once(lambda doubt: asked.append(doubt.message))
    for text in ("many files", "many files", "many more"):
        agree(UsageError(text))
    assert asked == ["many files", "many more"]


@pytest.mark.parametrize("words", [["--trust-project-file"], ["-o", "out", "--env", "TOKEN=x"]])
def test_a_flag_is_the_yes(project: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    main._run(["submit", str(project), *words], debug=False)
    assert "ReachedAws" in capsys.readouterr().err


def test_a_variable_is_the_yes(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_RUN_TRUST_PROJECT_FILE", "1")
    main._run(["submit", str(project)], debug=False)
    assert "ReachedAws" in capsys.readouterr().err


def test_a_plan_needs_no_yes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main._run(["plan", str(project)], debug=False)
    assert "ReachedAws" in capsys.readouterr().err


def test_a_plan_warns_of_many_files_and_asks_before_it_looks_at_a_whole_machine() -> None:
    reporter = Notices()
    agree = warn_of_doubt(cast("Reporter", reporter))
    agree(UsageError("20,001 files would go into the image", hint="list them"))
    assert reporter.texts == ["20,001 files would go into the image"]
    with pytest.raises(FarTooMuchError):  # nobody can be asked: the tests have no terminal
        agree(FarTooMuchError("All of your home folder would go into the image"))


def test_a_no_is_no_error_and_does_not_say_the_question_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Typed("n\n"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    agree = ask_whether_meant(make_reporter("plain"))
    with pytest.raises(DeclinedError, match="Nothing was sent") as caught:
        agree(UsageError("20,001 files would go into the image", hint="list them in .awsrunignore"))
    assert "20,001" not in caught.value.message
    assert caught.value.hint == "list them in .awsrunignore"
    assert caught.value.exit_code == EXIT_USAGE
    assert "20,001 files" in capsys.readouterr().err


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


class Notices:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def emit(self, event: Event) -> None:
        assert isinstance(event, Notice)
        self.texts.append(event.text)
