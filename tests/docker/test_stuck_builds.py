"""Builds and pushes that hang, on a real engine: what is stopped ends in the engine too, and leaves no secret behind."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.docker.conftest import responds
from tests.docker.image_support import Bench

from aws_run.clock import SystemClock
from aws_run.config import Build
from aws_run.errors import DockerError, InterruptedRunError
from aws_run.events import Event, LaneProgress, Notice
from aws_run.image.builder import RegistryLogin
from aws_run.image.docker.docker_builder import DockerBuilder
from aws_run.image.docker.push import ApiPushEngine, push_image

# Nobody else sleeps for so long.
SLEEP = "sleep 98765"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    monkeypatch.setattr(tempfile, "tempdir", None)


def commands() -> list[str]:
    """The command lines of this machine, the containers' included."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_a_build_that_waits_for_ever_ends_with_its_program_its_step_and_its_secrets(
    tmp_path: Path, temporary: Path, docker_engine: docker.DockerClient, base_image: str
) -> None:
    root = tmp_path / "stuck"
    root.mkdir()
    (root / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"
        f'RUN --mount=type=secret,id=settings {SLEEP}\nCMD ["python3", "main.py"]\n'
    )
    (root / "main.py").write_text("print(1)\n")
    context = Bench(engine=docker_engine, registry="nowhere", base_image=base_image)
    stop, secrets_seen = threading.Event(), list[str]()

    def emit(event: Event) -> None:
        if isinstance(event, LaneProgress) and SLEEP in event.text:
            secrets_seen.extend(path.read_text() for path in temporary.rglob("secret-settings"))
            stop.set()

    environ = {**os.environ, "UV_INDEX_URL": "https://user:PASSWORD@example.invalid/simple"}
    builder = DockerBuilder(environ=environ, stop=stop)
    with pytest.raises(InterruptedRunError):
        builder.build(
            docker_engine, context.plan(root, Build(base_image=base_image, trust_dockerfile=True)), "stuck:t", emit
        )
    assert any("PASSWORD" in text for text in secrets_seen), "the test looks in the right place"
    assert list(temporary.iterdir()) == []
    wait = threading.Event()
    for _ in range(1800):  # the engine ends the step when its client has gone
        if not any(SLEEP in line for line in commands()):
            break
        wait.wait(0.1)
    assert [line for line in commands() if SLEEP in line] == []


class Stopping(ApiPushEngine):
    """Stops the registry once bytes move. While it stands still nobody is waited for as long as in earnest."""

    def __init__(self, api: Any, registry: Any, *, comes_back: bool) -> None:
        super().__init__(api)
        self._registry = registry
        self._comes_back = comes_back
        self.pushes = 0
        self._stopped = False

    def push(self, repository: str, tag: str, auth: Mapping[str, str], silent_s: float) -> Iterator[Mapping[str, Any]]:
        self.pushes += 1
        if self.pushes > 1 and self._comes_back:
            self._registry.unpause()
            yield from super().push(repository, tag, auth, silent_s)
            return
        for message in super().push(repository, tag, auth, 2.0):
            if not self._stopped and self._stopped_by(message):
                self._stopped = True
                self._registry.pause()
            yield message

    @staticmethod
    def _stopped_by(message: Mapping[str, Any]) -> bool:
        return message.get("status") == "Preparing" or bool((message.get("progressDetail") or {}).get("current"))


@pytest.fixture
def own_registry(docker_engine: docker.DockerClient, base_image: str) -> Iterator[tuple[Any, str]]:
    """One that a test may stop."""
    container = docker_engine.containers.run(
        "aws-run-test-registry:latest", detach=True, ports={"5000/tcp": ("127.0.0.1", None)}
    )
    try:
        container.reload()
        port = int(container.ports["5000/tcp"][0]["HostPort"])
        pause = threading.Event()
        while not responds(f"http://127.0.0.1:{port}/v2/"):
            pause.wait(0.1)
        yield container, f"127.0.0.1:{port}"
    finally:
        container.reload()
        if container.status == "paused":
            container.unpause()
        container.remove(force=True, v=True)


def login() -> RegistryLogin:
    return RegistryLogin(server="r", username="AWS", password="not asked for")


class NoWait(SystemClock):
    def sleep(self, seconds: float) -> None:
        assert seconds > 0


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_registry_that_stops_answering_in_the_middle_is_tried_again_and_then_given_up(
    own_registry: tuple[Any, str], docker_engine: docker.DockerClient, base_image: str, comes_back: bool
) -> None:
    container, address = own_registry
    name = f"{address}/arun/stops"
    docker_engine.images.get(base_image).tag(name, "t")
    events: list[Event] = []
    engine = Stopping(docker_engine.api, container, comes_back=comes_back)
    try:
        if comes_back:
            assert push_image(engine, name, "t", login, emit=events.append, clock=NoWait()).startswith("sha256:")
        else:
            with pytest.raises(DockerError, match="stood still 3 times") as ended:
                push_image(engine, name, "t", login, emit=events.append, clock=NoWait())
            assert "not sent again" in str(ended.value.hint)
        assert engine.pushes == (2 if comes_back else 3)
        assert any("nothing has moved" in event.text for event in events if isinstance(event, Notice))
    finally:
        docker_engine.images.remove(f"{name}:t")
