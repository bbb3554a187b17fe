"""The docker command line, where it can build with BuildKit: which one, and how it is called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

from aws_run.frozen import frozen
from aws_run.programs import run_program

# From 18.09 to 22 the client itself speaks BuildKit; from 23 on it needs the buildx plugin.
_INTEGRATED = range(18, 23)
_PROBE_TIMEOUT_S = 20

BuildKitKind = Literal["buildx", "integrated"]


@frozen
class DockerCli:
    path: str
    kind: BuildKitKind
    builder: str | None = None  # buildx: the builder of the engine that will push


@frozen
class CliBuild:
    """One `docker build`. `secrets` are files; their content is never on a command line."""

    context: Path  # a tar
    dockerfile: str
    tag: str
    platform: str
    build_args: Mapping[str, str]
    secrets: Mapping[str, Path]
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


def find_cli(environ: Mapping[str, str]) -> DockerCli | None:
    """The first docker on the PATH that builds with BuildKit; there may be another, older or barer, before it."""
    for path in _candidates(environ):
        if _runs([path, "buildx", "version"], environ) is not None:
            name = _runs([path, "context", "show"], environ)
            return DockerCli(path=path, kind="buildx", builder=name.strip() if name and name.strip() else None)
        version = _runs([path, "--version"], environ)
        match = re.search(r"version (\d+)\.", version or "")
        if match is not None and int(match[1]) in _INTEGRATED:
            return DockerCli(path=path, kind="integrated")
    return None


def build_argv(cli: DockerCli, build: CliBuild) -> list[str]:
    argv = [cli.path, "build"] if cli.kind == "integrated" else [cli.path, "buildx", "build", "--load"]
    if cli.builder is not None:
        # A builder in a container of its own would not see the image that the second build starts from.
        argv += ["--builder", cli.builder]
    argv += ["--progress", "plain", "--platform", build.platform, "--file", build.dockerfile, "--tag", build.tag]
    for name, value in build.build_args.items():
        argv += ["--build-arg", f"{name}={value}"]
    if build.target is not None:
        argv += ["--target", build.target]
    for name, value in build.labels.items():
        argv += ["--label", f"{name}={value}"]
    for name, path in build.secrets.items():
        argv += ["--secret", f"id={name},src={path}"]
    return [*argv, "-"]


def run_build(
    cli: DockerCli,
    build: CliBuild,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
    *,
    stop: threading.Event,
    on_started: Callable[[int], None] = lambda pid: None,
) -> int:
    """Run the build to its end and return its exit code; each line of output goes to `on_line`. `stop` ends it."""
    # Without attestations the tag names the image itself, not an index around it, and two builds are equal.
    env = {**environ, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "NO_COLOR": "1"}
    with build.context.open("rb") as context:
        return run_program(
            build_argv(cli, build), on_line=on_line, stop=stop, env=env, stdin=context, on_started=on_started
        )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = shutil.which("docker", path=folder) if folder else None
        if path is not None and (real := os.path.realpath(path)) not in seen:
            seen.add(real)
            yield path


def _runs(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """What it prints when it exits 0, else None."""
    try:
        done = subprocess.run(
            argv,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
