from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aws_run.image.docker.docker_cli import CliBuild, DockerCli, build_argv, find_cli, run_build


def fake_docker(folder: Path, version: str, *, buildx: bool = False, context: str = "default") -> Path:
    """A client that answers what the probe asks, as the real ones do."""
    folder.mkdir(parents=True)
    path = folder / "docker"
    path.write_text(
        f"""#!/bin/sh
case "$1 $2" in
  "--version ") echo "Docker version {version}, build abc" ;;
  "buildx version") {"echo github.com/docker/buildx v0.17" if buildx else "echo no such command >&2; exit 1"} ;;
  "context show") echo {context} ;;
  *) exit 64 ;;
esac
"""
    )
    path.chmod(0o755)
    return path


def environ(*folders: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(str(folder) for folder in folders)}


def test_a_client_with_buildx_builds_on_the_engine_of_its_context(tmp_path: Path) -> None:
    path = fake_docker(tmp_path / "a", "28.2.2", buildx=True, context="desktop-linux")
    assert find_cli(environ(tmp_path / "a")) == DockerCli(path=str(path), kind="buildx", builder="desktop-linux")


@pytest.mark.parametrize("version", ["18.09.1", "20.10.24+dfsg1", "22.06.0"])
def test_an_older_client_speaks_buildkit_itself(tmp_path: Path, version: str) -> None:
    path = fake_docker(tmp_path / "a", version)
    assert find_cli(environ(tmp_path / "a")) == DockerCli(path=str(path), kind="integrated")


def test_a_bare_client_earlier_on_the_path_is_passed_over(tmp_path: Path) -> None:
    fake_docker(tmp_path / "bare", "28.2.2")
    able = fake_docker(tmp_path / "able", "20.10.24")
    found = find_cli(environ(tmp_path / "bare", tmp_path / "able"))
    assert found == DockerCli(path=str(able), kind="integrated")


@pytest.mark.parametrize("version", ["17.12.1", "23.0.1", "28.2.2", "weird"])
def test_without_buildkit_there_is_no_client_to_use(tmp_path: Path, version: str) -> None:
    fake_docker(tmp_path / "a", version)
    assert find_cli(environ(tmp_path / "a", tmp_path / "absent")) is None


def request(tmp_path: Path) -> CliBuild:
    context = tmp_path / "context.tar"
    context.write_bytes(b"the context")
    return CliBuild(
        context=context,
        dockerfile="docker/my file",
        tag="r/p:t",
        platform="linux/arm64",
        build_args={"BASE_IMAGE": "x; rm -rf /"},
        secrets={"ca": tmp_path / "secret-ca"},
    )


def test_secrets_are_paths_on_the_command_line_never_contents(tmp_path: Path) -> None:
    (tmp_path / "secret-ca").write_text("hunter2")
    argv = build_argv(DockerCli(path="docker", kind="buildx", builder="b"), request(tmp_path))
    assert f"id=ca,src={tmp_path / 'secret-ca'}" in argv
    assert "BASE_IMAGE=x; rm -rf /" in argv
    assert "hunter2" not in repr(argv)
    assert argv[:6] == ["docker", "buildx", "build", "--load", "--builder", "b"]
    assert argv[-1] == "-"


def test_the_build_gets_the_context_and_its_lines_are_heard(tmp_path: Path) -> None:
    path = tmp_path / "docker"
    path.write_text('#!/bin/sh\necho "buildkit=$DOCKER_BUILDKIT"\ncat\necho\necho oops >&2\nexit 3\n')
    path.chmod(0o755)
    lines: list[str] = []
    cli = DockerCli(path=str(path), kind="integrated")
    assert run_build(cli, request(tmp_path), {"PATH": os.defpath}, lines.append, stop=threading.Event()) == 3
    assert lines == ["buildkit=1", "the context", "oops"]
