"""`--local` leaves the container only where there is none, or where the user said so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aws_run.cli import compose
from aws_run.errors import DockerError, UsageError
from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalOptions
from aws_run.local.runtime import docker


class Engine:
    """An engine that answers; `lacks` is the image that it can't have."""

    kind = "docker"
    reason = "containers"
    lacks: str | None = None
    host = "127.0.0.1"
    closed = 0

    def __init__(self, *_arguments: object) -> None: ...

    def check_image(self, image: str) -> None:
        if image == self.lacks:
            raise DockerError(f"the base image {image} can't be had")

    def close(self, _registry: str | None) -> None:
        type(self).closed += 1


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[Engine]:
    class ThisEngine(Engine):
        pass

    monkeypatch.setattr(docker, "DockerRuntime", ThisEngine)
    return ThisEngine


def chosen(tmp_path: Path, **options: Any) -> str:
    return Embedded(LocalOptions(**options), tmp_path)._choose_runtime().kind


def test_an_image_that_is_not_there_is_an_error_and_no_process(tmp_path: Path, engine: type[Engine]) -> None:
    engine.lacks = "127.0.0.1:1/nothing:1"
    with pytest.raises(DockerError, match=r"127\.0\.0\.1:1/nothing:1 can't be had") as caught:
        chosen(tmp_path, base_image="127.0.0.1:1/nothing:1")
    assert "--runtime process" in str(caught.value.hint)
    assert engine.closed == 1


def test_an_engine_that_containers_can_not_call_back_is_an_error(tmp_path: Path, engine: type[Engine]) -> None:
    engine.host = "192.0.2.1"  # no address of this machine
    with pytest.raises(DockerError, match="can't reach this machine"):
        chosen(tmp_path)


def test_an_engine_that_can_make_no_network_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise DockerError("the network can't be made")

    monkeypatch.setattr(docker, "DockerRuntime", refuse)
    with pytest.raises(DockerError, match="the network can't be made"):
        chosen(tmp_path)


def test_who_asks_for_processes_gets_them(tmp_path: Path, engine: type[Engine]) -> None:
    assert chosen(tmp_path, runtime="process", base_image="x") == "process"


def test_without_an_engine_there_are_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_arguments: object) -> None:
        raise docker.NoEngineError("no Docker engine answers")

    monkeypatch.setattr(docker, "DockerRuntime", absent)
    assert chosen(tmp_path) == "process"
    with pytest.raises(DockerError, match="No Docker engine answers") as missing:
        chosen(tmp_path, runtime="docker")
    assert missing.value.hint == "start Docker, or use --runtime process"


def test_an_image_that_is_there_runs_in_a_container(tmp_path: Path, engine: type[Engine]) -> None:
    assert chosen(tmp_path, base_image="there:1") == "docker"


def test_a_runtime_without_the_embedded_aws_means_nothing() -> None:
    with pytest.raises(UsageError, match="embedded AWS"), compose.open_target(False, runtime="process"):
        pass
