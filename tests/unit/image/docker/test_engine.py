from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aws_run.errors import DockerError
from aws_run.image.docker.engine import check_docker, connect


def at(path: Path) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{path}", "PATH": "/usr/bin:/bin"}


def test_a_socket_that_nobody_listens_on_is_an_engine_that_is_not_running(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "s"))
    status = check_docker(at(tmp_path / "s"))
    assert not status.ok
    assert str(status.problem).startswith("Docker is not running")
    assert "--image" in str(status.hint)


def test_no_socket_and_no_client_is_docker_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError, match="Docker is not installed") as caught:
        connect(at(tmp_path / "absent"))
    assert "--image" in str(caught.value.hint)


def test_an_address_where_nothing_answers_is_one_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    status = check_docker({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})
    assert not status.ok
    assert "does not answer" in str(status.problem)
    assert "\n" not in str(status.problem)
