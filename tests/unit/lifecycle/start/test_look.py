"""What is looked at before anything is made: sources that nobody can have meant, an input without a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.fakes import FakeAccount

from aws_run.config import Config
from aws_run.config.models import Input
from aws_run.errors import UsageError
from aws_run.events import Notice
from aws_run.image.base import BaseImage
from aws_run.lifecycle.start.preflight import _look_at_input, _look_at_sources, _warn_of_base


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.py").write_text("import argparse\n")
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def config_of(folder: Path, *, yes: bool = False) -> Config:
    return Config(project_dir=folder, name="demo", command=("python", "main.py"), yes=yes)


def test_an_input_without_a_file_is_warned_of(home: Path) -> None:
    account = FakeAccount()
    one = Input(name=None, place=str(home / "data"))
    assert _look_at_input(one, config_of(home), account.context).files == 0
    (notice,) = account.events.of(Notice)
    assert (notice.level, "the input is empty" in notice.text) == ("warning", True)
    (home / "data" / "a").touch()
    account.events.clear()
    assert _look_at_input(one, config_of(home), account.context).files == 1
    assert account.events.of(Notice) == []


def test_a_home_folder_is_asked_about_unless_it_is_meant(home: Path) -> None:
    account = FakeAccount()
    with pytest.raises(UsageError, match="your home folder"):
        _look_at_sources(config_of(home), account.context)
    asked: list[UsageError] = []
    agreed = _look_at_sources(config_of(home), replace(account.context, agree=asked.append))
    assert len(asked) == 1
    assert _look_at_sources(config_of(home, yes=True), account.context).tag == agreed.tag


def test_a_base_image_that_is_not_had_is_warned_of_before_anything_is_made() -> None:
    account = FakeAccount()
    _warn_of_base(BaseImage(reference="python:3.12", digest="sha256:1"), account.context)
    assert account.events.of(Notice) == []
    _warn_of_base(BaseImage(reference="python:3.12", problem="it can't be fetched: no route"), account.context)
    (notice,) = account.events.of(Notice)
    assert (notice.level, notice.text.startswith("it can't be fetched: no route; the build fails")) == ("warning", True)
    assert "--base-image" in (notice.hint or "")
