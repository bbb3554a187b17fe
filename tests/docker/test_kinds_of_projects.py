"""Kinds of projects that only a real build shows: what comes from git, what is compiled, workspaces, versions from git,
pip while the job runs, and a Dockerfile with all that one may have."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from tests.docker.image_support import Bench
from tests.docker.private_index import host_address
from tests.unit.image.support import git, write

from aws_run import contract
from aws_run.config import Build
from aws_run.errors import BuildError
from aws_run.local.runtime.process_environment import uv_binary

SCRIPT = 'import sys\nprint(sys.argv[sys.argv.index("-i")], sys.argv[sys.argv.index("-o")])\n'
PACKAGE = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


@pytest.fixture
def context(docker_engine: docker.DockerClient, registry: str, base_image: str) -> Iterator[Bench]:
    context = Bench(engine=docker_engine, registry=registry, base_image=base_image)
    yield context
    context.clean()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The folder by HTTP, on all addresses: the build reaches this machine by the bridge's."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def test_a_requirement_from_git_is_installed_on_a_base_without_git(tmp_path: Path, context: Bench) -> None:
    repository = write(tmp_path / "tiny", {"pyproject.toml": f'{PACKAGE}[project]\nname = "tiny"\nversion = "7"\n'})
    write(repository, {"tiny.py": "ANSWER = 42\n"})
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "one")
    git(tmp_path, "clone", "-q", "--bare", str(repository), "served/tiny.git")
    git(tmp_path / "served/tiny.git", "update-server-info")
    with served(tmp_path / "served") as port:
        line = f"tiny @ git+http://{host_address(context)}:{port}/tiny.git\n"
        root = write(tmp_path / "from-git", {"main.py": SCRIPT, "requirements.txt": line})
        built = context.build(context.plan(root))
    assert built.run("python", "-c", "import tiny; print(tiny.ANSWER)") == "42\n"
    assert built.run("sh", "-c", "command -v git || echo none") == "none\n"


def test_what_must_be_compiled_says_what_it_lacks_and_is_compiled_with_it(tmp_path: Path, context: Bench) -> None:
    files = {
        "main.py": SCRIPT,
        "pyproject.toml": f'{PACKAGE}[project]\nname = "fast"\nversion = "1"\n[tool.setuptools]\npy-modules = []\n'
        '[[tool.setuptools.ext-modules]]\nname = "fast"\nsources = ["fast.c"]\n',
        "fast.c": "#include <Python.h>\n"
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "fast", .m_size = -1};\n'
        "PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }\n",
    }
    root = write(tmp_path / "compiled", files)
    with pytest.raises(BuildError, match=r"has no .*gcc|compile") as caught:
        context.build(context.plan(root, Build(base_image=context.base_image, install=True)))
    assert "build: {apt: [build-essential]}" in (caught.value.hint or "")
    build = Build(base_image=context.base_image, install=True, apt=("build-essential", "python3-dev"))
    built = context.build(context.plan(root, build))
    assert built.run("python", "-c", "import fast; print(fast.__name__)") == "fast\n"


def test_a_member_of_a_workspace_is_installed_with_its_siblings(tmp_path: Path, context: Bench) -> None:
    member = f'{PACKAGE}[project]\nname = "shared"\nversion = "3"\n'
    files = {
        "main.py": SCRIPT,
        "pyproject.toml": '[project]\nname = "job"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["shared"]\n'
        '[tool.uv.sources]\nshared = { workspace = true }\n[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        "packages/shared/pyproject.toml": member,
        "packages/shared/shared.py": "X = 'of the workspace'\n",
    }
    root = write(tmp_path / "workspace", files)
    subprocess.run([uv_binary(), "lock", "--quiet"], cwd=root, check=True)
    built = context.build(context.plan(root))
    assert built.run("python", "-c", "import shared; print(shared.X)") == "of the workspace\n"


def test_a_version_from_git_is_the_one_of_its_tags(tmp_path: Path, context: Bench) -> None:
    manifest = PACKAGE.replace('"setuptools"', '"setuptools", "setuptools-scm"')
    files = {
        "main.py": SCRIPT,
        "mine.py": "",
        "pyproject.toml": f'{manifest}[project]\nname = "mine"\ndynamic = ["version"]\n'
        '[tool.setuptools]\npy-modules = ["mine"]\n[tool.setuptools_scm]\n',
    }
    root = write(tmp_path / "tagged", files)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "v4.5.6")
    built = context.build(context.plan(root, Build(base_image=context.base_image, install=True)))
    assert built.run("python", "-c", "import importlib.metadata as m; print(m.version('mine'))") == "4.5.6\n"


def test_a_job_changes_its_own_packages_with_pip(tmp_path: Path, context: Bench) -> None:
    root = write(tmp_path / "pips", {"main.py": SCRIPT, "requirements.txt": "six==1.16.0\n"})
    built = context.build(context.plan(root, Build(base_image=context.base_image, pip=True)))
    assert "Successfully uninstalled six" in built.run("python", "-m", "pip", "uninstall", "--yes", "six")
    assert built.run("id", "-u") == "10001\n"


def test_a_dockerfile_gets_its_context_arguments_stage_and_secrets_and_keeps_its_login_shell(
    tmp_path: Path, context: Bench
) -> None:
    dockerfile = (
        "ARG BASE\n"
        f"FROM {context.base_image} AS base\n"
        'SHELL ["/bin/bash", "-lc"]\n'
        "ONBUILD RUN exit 3\n"
        "HEALTHCHECK --interval=5m CMD exit 1 || true\n"
        "ARG RELEASE\n"
        "RUN --mount=type=secret,id=TOKEN wc -c < /run/secrets/TOKEN > /length; echo $RELEASE > /release; "
        "echo 'export GREETING=hello' > /etc/profile.d/greeting.sh\n"
        "COPY main.py /\n"
        "CMD python3 /main.py $GREETING\n"
        "FROM base AS tests\n"
    )
    files = {
        "app/Dockerfile": dockerfile,
        "app/main.py": "import sys\nprint(sys.argv[1:])\n",
        "main.py": "print('of the project, not of the context')\n",
    }
    token = "a-token-in-no-layer"
    build = Build(context="app", args={"RELEASE": "7"}, target="base", secrets=("TOKEN",))
    built = context.build(context.plan(write(tmp_path / "whole", files), build), environ={**os.environ, "TOKEN": token})
    assert built.run("cat", "/length", "/release") == f"{len(token)}\n7\n"
    assert not any(token.encode() in chunk for chunk in built.all_bytes())
    config = built.inspect()["Config"]
    wrapped = dict(one.split("=", 1) for one in config["Env"])
    assert wrapped[contract.IMAGE_ENTRYPOINT] == "[]"
    assert built.run(*config["Cmd"], "-i", "a b", "-o", "c") == "['hello', '-i', 'a b', '-o', 'c']\n"
