"""The Docker engine: where it is, whether it answers, and in one sentence why not."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_run.errors import DockerError
from aws_run.frozen import frozen
from aws_run.image.docker.docker_cli import BuildKitKind, find_cli

if TYPE_CHECKING:  # importing docker costs 150 ms, and --help needs none of it
    import docker

DEFAULT_SOCKET = "/var/run/docker.sock"
# A layer that is being unpacked on the other side sends nothing for a while.
_READ_TIMEOUT_S = 900
_ANSWERS_WITHIN_S = 60  # a question about itself
_WAYS_OUT = "or give a ready image with --image"
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


@frozen
class DockerStatus:
    """`problem` and `hint` are set exactly when `ok` is False."""

    ok: bool
    version: str | None = None
    arch: str | None = None  # as the config names it
    buildkit: BuildKitKind | None = None  # None: the classic builder is used
    problem: str | None = None
    hint: str | None = None


def check_docker(environ: Mapping[str, str] = os.environ) -> DockerStatus:
    """Whether images can be built here. Never raises."""
    try:
        client = connect(environ)
    except DockerError as error:
        return DockerStatus(ok=False, problem=error.message, hint=error.hint)
    try:
        version: dict[str, Any] = client.version()
    finally:
        client.close()
    cli = find_cli(environ)
    return DockerStatus(
        ok=True,
        version=str(version.get("Version", "")),
        arch=_MACHINES.get(str(version.get("Arch", ""))),
        buildkit=cli.kind if cli is not None else None,
    )


def connect(environ: Mapping[str, str] = os.environ, *, timeout_s: int = _READ_TIMEOUT_S) -> docker.DockerClient:
    """A client for the engine that the docker command line would use. DockerError when none answers.

    `timeout_s`: how long the engine may say nothing in the middle of an answer.
    """
    import docker
    import requests

    host, tls = _endpoint(environ)
    if host.startswith("unix://"):
        _check_socket(host.removeprefix("unix://"))
    try:
        client = docker.DockerClient(
            base_url=host,
            tls=tls,
            version="auto",
            timeout=min(timeout_s, _ANSWERS_WITHIN_S),
            use_ssh_client=host.startswith("ssh://"),
        )
        client.ping()
        client.api.timeout = timeout_s
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise DockerError(
            f"Docker at {host} does not answer: {_reason(error)}", hint=f"check that Docker is running, {_WAYS_OUT}"
        ) from None
    return client


def _endpoint(environ: Mapping[str, str]) -> tuple[str, Any]:
    """DOCKER_HOST, else the docker command line's context, else the usual socket."""
    import docker
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    if environ.get("DOCKER_HOST"):
        settings = kwargs_from_env(environment=dict(environ))
        return str(settings.get("base_url", environ["DOCKER_HOST"])), settings.get("tls", False)
    try:
        context = ContextAPI.get_context(environ.get("DOCKER_CONTEXT")) if environ.get("DOCKER_CONTEXT") else None
        context = context or ContextAPI.get_current_context()
    except (docker.errors.ContextException, docker.errors.DockerException, OSError, ValueError):
        context = None
    if context is None or not context.Host:
        return f"unix://{DEFAULT_SOCKET}", False
    return context.Host.replace("http+unix://", "unix://"), context.TLSConfig or False


def _check_socket(path: str) -> None:
    """Tell "not installed", "not running" and "not allowed" apart, which the SDK's one message does not."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(10)
            probe.connect(path)
    except PermissionError:
        raise DockerError(
            f"Docker is running, but this user may not use it ({path}: permission denied)",
            hint=f"add yourself to the docker group (sudo usermod -aG docker $USER) and log in again, {_WAYS_OUT}",
        ) from None
    except OSError as error:
        if shutil.which("docker") is None and not Path(path).exists():
            raise DockerError(
                "Docker is not installed, and the image is built with it",
                hint=f"install it (https://docs.docker.com/get-docker/), {_WAYS_OUT}",
            ) from None
        raise DockerError(
            f"Docker is not running ({path}: {error.strerror or error})",
            hint=f"start Docker Desktop, or the engine (sudo systemctl start docker), {_WAYS_OUT}",
        ) from None


def _reason(error: BaseException) -> str:
    """The innermost cause: the SDK wraps it three times."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
