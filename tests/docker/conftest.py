"""The engine, the base image, and the services that pytest-docker brings up: a registry and the embedded AWS.

Everything is made once a session. `embedded_aws` is what a test hands to a subprocess that runs `aws-run`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from pytest_docker.plugin import Services
from tests.docker.entrypoint_image import build_image

from aws_run.local.state import find_running

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "aws-run-test-base:bookworm"


@pytest.fixture(scope="session", autouse=True)
def builders_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What image builds remember of this machine goes with the tests."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state-home"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerClient]:
    """The engine that tests/conftest.py found answering."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(docker_engine: docker.DockerClient) -> str:
    """Python on Debian, for `--base-image`; made where it is not there yet."""
    tool("base-image")
    return BASE_IMAGE


@pytest.fixture(scope="session")
def entrypoint_image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_image(base_image, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def service_environment(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What docker-compose.yml asks for. docker-compose takes it from this process's environment, so it is put there."""
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    asked = ["docker", "run", "--rm", base_image, "python3", "-c", version]
    python = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    tool("embedded-site", python, ".cache/embedded-site")
    registry_port = free_port()
    options = {"runtime": "docker", "port": free_port(), "registry": f"127.0.0.1:{registry_port}"}
    values = {
        "AWS_RUN_TEST_REGISTRY_PORT": str(registry_port),
        "AWS_RUN_TEST_OPTIONS": json.dumps(options),
        "AWS_RUN_TEST_STATE": str(tmp_path_factory.mktemp("embedded-aws")),
        # It runs as we do: its state file is for its own user's eyes.
        "AWS_RUN_TEST_USER": f"{os.getuid()}:{os.getgid()}",
        "AWS_RUN_TEST_DOCKER_GROUP": str(Path("/var/run/docker.sock").stat().st_gid),
    }
    os.environ.update(values)
    yield values
    for name in values:
        del os.environ[name]


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Debian has docker-compose beside its engine, most others have the plugin."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "docker compose" if plugin.returncode == 0 else "docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file(service_environment: dict[str, str]) -> str:
    return str(Path(__file__).with_name("docker-compose.yml"))


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return f"aws-run-test-{os.getpid()}"


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """docker-compose 1 knows no `--wait`; the fixtures below wait for what they need."""
    return ["up -d"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return ["down -v --timeout 20"]


@pytest.fixture(scope="session")
def registry(docker_services: Services, docker_engine: docker.DockerClient) -> Iterator[str]:
    """`host:port` of a real, empty OCI registry, which the engine may push to and pull from without TLS."""
    address = f"127.0.0.1:{docker_services.port_for('registry', 5000)}"
    docker_services.wait_until_responsive(lambda: responds(f"http://{address}/v2/"), timeout=60, pause=0.2)
    yield address
    # The registry goes with its container; what was built for it would stay on the engine under its name.
    for image in docker_engine.images.list():
        for tag in image.tags:
            if tag.startswith(f"{address}/"):
                docker_engine.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def embedded_aws(docker_services: Services, registry: str, service_environment: dict[str, str]) -> dict[str, str]:
    """The whole environment of a subprocess that runs `aws-run` against the embedded AWS, and against no other."""
    state_home = Path(service_environment["AWS_RUN_TEST_STATE"])
    state_file = state_home / "aws-run" / "local.json"
    try:
        # The file is there once it answers; moto takes its time to be imported.
        docker_services.wait_until_responsive(state_file.is_file, timeout=120, pause=0.2)
    except Exception as error:
        logs = docker_services._docker_compose.execute("logs --no-color aws").decode()
        raise AssertionError(f"the embedded AWS did not come up:\n{logs}") from error
    there = find_running(state_home / "aws-run")
    assert there is not None, "the state file is not its user's alone, or nobody holds the lock beside it"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    scripts = str(Path(sys.executable).parent)
    path = {"PATH": os.pathsep.join([scripts, kept.get("PATH", "")]), "XDG_STATE_HOME": str(state_home)}
    return {**kept, **path, **there.local.environment()}


def tool(name: str, *arguments: str) -> None:
    done = subprocess.run([str(ROOT / "tools" / name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"tools/{name}: {done.stderr.strip()}", pytrace=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def responds(url: str) -> bool:
    """Whether an HTTP server answers at `url`, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
