"""What a tester broke with odd projects: folders closed to the user, Dockerfiles that name no program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aws_run.config.load import load_config
from aws_run.errors import BuildError, ConfigError, SourceError
from aws_run.image.docker.docker_builder import _check_entry
from aws_run.image.recipe.recipe import OwnDockerfile
from aws_run.image.sources.source import read_source


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A project with a folder that this user can't look into, as a database container leaves one. Root sees all, so root
    steps down."""
    (tmp_path / "main.py").write_text("1")
    (tmp_path / "pgdata").mkdir()
    (tmp_path / "pgdata").chmod(0)
    above = [folder for folder in tmp_path.parents if folder.stat().st_uid == os.geteuid() and folder != Path("/")]
    modes = {folder: folder.stat().st_mode for folder in (tmp_path, *above)}
    root = os.geteuid() == 0
    try:
        if root:
            for folder, mode in modes.items():
                folder.chmod(mode | 0o055)
            os.seteuid(65534)
        yield tmp_path
    finally:
        if root:
            os.seteuid(0)
            for folder, mode in modes.items():
                folder.chmod(mode)
        (tmp_path / "pgdata").chmod(0o700)


def test_a_closed_folder_is_refused_by_name(closed: Path) -> None:
    with pytest.raises(SourceError, match="pgdata can't be read"):
        read_source(closed)


def test_a_closed_folder_that_is_ignored_is_left_out(closed: Path) -> None:
    assert [file.path for file in read_source(closed, exclude=["pgdata/"]).files] == ["main.py"]


_RECIPE = OwnDockerfile(path="Dockerfile", base_image=None)


@pytest.mark.parametrize("inherited", ["python3", "python", "/usr/local/bin/python3.12", "bash", "/bin/sh"])
def test_a_dockerfile_that_only_inherits_an_interpreter_is_refused(inherited: str) -> None:
    """`python3 -i … -o …` is an interactive Python: it ends with 0, having done nothing."""
    with pytest.raises(BuildError, match="no ENTRYPOINT or CMD of its own"):
        _check_entry(_RECIPE, (), (inherited,), None)


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "command"),
    [
        ((), ("python3", "main.py"), None),
        ((), ("python3",), ("python3", "main.py")),
        (("python3",), ("main.py",), None),
        ((), ("pythonic-tool",), None),
        (("/run",), (), None),
    ],
)
def test_a_dockerfile_that_names_a_program_is_taken(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], command: tuple[str, ...] | None
) -> None:
    _check_entry(_RECIPE, entrypoint, cmd, command)


def test_results_never_go_into_the_projects_own_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(ConfigError, match="is the project's folder"):
        load_config(tmp_path, file=None, flags={"input": str(tmp_path / "data"), "output": str(tmp_path)}, environ={})
