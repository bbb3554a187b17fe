"""Project folders for tests, and a config that names one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from aws_run.config import Build, Config, Resources
from aws_run.config.models import Arch
from aws_run.image.sources.source import Source, read_source

SCRIPT = 'import sys\nprint(sys.argv[sys.argv.index("-i")], sys.argv[sys.argv.index("-o")])\n'
LAYER = b"the same tar for every project"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def git(root: Path, *arguments: str) -> None:
    """Git without this machine's settings."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, env={**os.environ, **settings})


def paths(source: Source) -> list[str]:
    return [file.path for file in source.files]


def source_of(root: Path, files: Mapping[str, str | bytes]) -> Source:
    return read_source(write(root, files))


def config_of(
    root: Path,
    *,
    command: tuple[str, ...] | None = None,
    build: Build | None = None,
    arch: Arch = "x86_64",
    exclude: tuple[str, ...] = (),
    args: tuple[str, ...] = (),
    timeout_s: int = 7200,
) -> Config:
    return Config(
        project_dir=root,
        name="demo",
        command=command,
        args=args,
        build=build or Build(),
        exclude=exclude,
        resources=Resources(arch=arch),
        timeout_s=timeout_s,
    )
