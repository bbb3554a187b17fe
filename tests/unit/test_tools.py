"""The scripts that set a machine up: what they choose, and what they say when something is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what the test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def find_python(bin_dir: Path) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(TOOLS / "find-python")]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(bin_dir)})


def test_a_python_that_starts_nothing_is_passed_over(bin_dir: Path) -> None:
    program(bin_dir, "python3", "exit 127")
    program(bin_dir, "python3.14", "exit 127")
    newer = program(bin_dir, "python3.12", f'exec "{sys.executable}" "$@"')
    assert find_python(bin_dir).stdout == f"{newer}\n"


def test_no_python_at_all_is_one_sentence_with_the_way_out(bin_dir: Path) -> None:
    done = find_python(bin_dir)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no Python 3.10 or newer is on the PATH" in done.stderr


def test_a_python_without_venv_is_named_with_the_package_to_install(bin_dir: Path) -> None:
    program(bin_dir, "python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec "{sys.executable}" "$@"')
    done = find_python(bin_dir)
    assert done.returncode == 1
    assert done.stderr.startswith("error: python3 can't make virtual environments")
    assert "python3-venv" in done.stderr


def test_without_an_engine_docker_up_says_so_in_one_sentence() -> None:
    if shutil.which("bash") is None:
        pytest.fail("bash is what the scripts are written in")
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    command = ["bash", str(TOOLS / "docker-up")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: DOCKER_HOST is unix:///nonexistent/docker.sock")


def test_a_gateway_that_can_not_be_had_is_one_sentence_with_what_to_install(bin_dir: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    asked = [bash, str(TOOLS / "radosgw-up")]
    environment = {"PATH": str(bin_dir)}
    possible = subprocess.run([*asked, "--possible"], capture_output=True, text=True, check=False, env=environment)
    assert (possible.returncode, possible.stderr) == (1, "")
    done = subprocess.run([*asked, str(bin_dir / "s3")], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: radosgw is missing, and only root can install it: apt-get install radosgw ")
    assert done.stderr.count("\n") == 1


def uv_env() -> ModuleType:
    loader = SourceFileLoader("uv_env", str(TOOLS / "uv-env"))
    spec = importlib.util.spec_from_loader("uv_env", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_uv_meets_the_index_and_the_certificates_that_pip_is_set_to() -> None:
    settings = {"index-url": "https://mirror.example/simple", "cert": "/etc/company.pem", "find-links": "/a /b"}
    assert uv_env().uv_environment(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/company.pem",
        "UV_FIND_LINKS": "/a,/b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_is_set_for_uv_itself_stays() -> None:
    environment = {"UV_DEFAULT_INDEX": "https://mine.example/simple", "UV_INDEX_STRATEGY": "first-index"}
    assert uv_env().uv_environment({"index-url": "https://mirror.example/simple"}, environment) == {}


def test_a_browser_that_can_not_be_had_is_one_sentence_with_what_to_install(bin_dir: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    asked, environment = [bash, str(TOOLS / "chromium-up")], {"PATH": str(bin_dir)}
    possible = subprocess.run([*asked, "--possible"], capture_output=True, text=True, check=False, env=environment)
    assert (possible.returncode, possible.stderr) == (1, "")
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no Chromium is here, and only root can install it: apt-get install chromium\n"
    here = program(bin_dir, "google-chrome", "exit 0")
    assert subprocess.run(asked, capture_output=True, text=True, check=False, env=environment).stdout == f"{here}\n"
