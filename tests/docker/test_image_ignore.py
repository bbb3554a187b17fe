"""Our reading of .dockerignore beside Docker's own: both are shown the same files and the same rules.

Left out is what Docker 20.10 still got wrong and later releases read as we do: `+` in a name, and `!**/…` below `**`.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from aws_run.image.docker.docker_cli import find_cli
from aws_run.image.sources.ignore import DockerIgnore

PATHS = [
    "a.txt", "b.txt", "README.md", "keep.md", "note.md", "x/a.txt", "x/y/a.txt", "x/y/z/b.txt", "x/keep.md", "x/c-d.py",
    "build/a.o", "build/keep/a.o", "src/build/a.o", "src/main.py", "src/[odd].py", "temp", "temp1", "x/temp1",
    "ü/é.txt",
]  # fmt: skip
RULES = [
    ["*.txt"],
    ["**/*.txt"],
    ["*/*.txt", "!x/a.txt"],
    ["*.md", "!README.md"],
    ["*", "!src", "src/build"],
    ["build", "!build/keep"],
    ["build/**", "!build/keep/**"],
    ["**/build"],
    ["/build/", "./x/../src/main.py"],
    ["temp?", "x/**/b.txt"],
    ["[a-b].txt", "src/[^b]*"],
    [r"src/\[odd\].py", "x/c-d.py"],
    ["x/y", "!x/y/z/b.txt"],
    ["ü/*", "# a comment", "", "."],
    ["x/*/a.txt", "**/y/**"],
    ["*/temp*", "**/z/"],
]


@pytest.mark.parametrize("lines", RULES, ids=" ".join)
def test_docker_keeps_the_files_that_we_keep(tmp_path: Path, lines: list[str]) -> None:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / ".dockerignore").write_text("\n".join([*lines, "Dockerfile", ".dockerignore"]))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /files/\n")
    rules = DockerIgnore(lines)
    assert docker_keeps(tmp_path) == {path for path in PATHS if not rules.ignores(path)}


def docker_keeps(folder: Path) -> set[str]:
    """What is in the image after `COPY . /files/`, exported without an image being kept."""
    cli = find_cli(os.environ)
    assert cli is not None, "no docker with BuildKit on the PATH"
    argv = [cli.path, "build", "--quiet", "--output", "type=tar,dest=-", str(folder)]
    env = {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(argv, capture_output=True, check=True, env=env)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return {member.name.removeprefix("files/") for member in tar.getmembers() if member.isfile()}
