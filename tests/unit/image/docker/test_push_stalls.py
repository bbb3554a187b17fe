"""A registry that takes no byte any more: the push is begun again on a new connection, then given up with a sentence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.unit.fakes import FakeClock
from tests.unit.image.docker.push_support import DIGEST, DONE, Tokens
from tests.waiting import PATIENCE_S

from aws_run.errors import DockerError
from aws_run.events import Event, Notice
from aws_run.image.docker.push import ApiPushEngine, push_image


class Engine:
    """Plays one script a push: a message after so many seconds; None is silence for as long as the pusher likes."""

    def __init__(self, clock: FakeClock, *scripts: list[tuple[float, Mapping[str, Any]] | None]) -> None:
        self._clock = clock
        self._scripts = list(scripts)
        self.silences: list[float] = []

    def push(self, repository: str, tag: str, auth: Mapping[str, str], silent_s: float) -> Iterator[Mapping[str, Any]]:
        for step in self._scripts.pop(0):
            if step is None:
                self.silences.append(silent_s)
                self._clock.elapsed_s += silent_s
                raise TimeoutError
            after_s, message = step
            self._clock.elapsed_s += after_s
            yield message

    def remote_digest(self, reference: str, auth: Mapping[str, str]) -> str:
        raise NotImplementedError


def sending(layer: str, current: int) -> Mapping[str, Any]:
    return {"id": layer, "status": "Pushing", "progressDetail": {"current": current, "total": 1000}}


def push(clock: FakeClock, engine: Engine, events: list[Event]) -> str:
    return push_image(engine, "registry:5000/p", "t", Tokens(), emit=events.append, clock=clock)


def test_a_push_that_stands_still_is_begun_again_and_arrives() -> None:
    clock, events = FakeClock(), list[Event]()
    engine = Engine(clock, [(1, sending("a", 10)), None], [(0, message) for message in DONE])
    assert push(clock, engine, events) == DIGEST
    assert engine.silences == [60]
    (told,) = [event.text for event in events if isinstance(event, Notice)]
    assert "nothing has moved for 60 s" in told


def test_a_registry_that_never_answers_again_ends_the_push_with_what_to_do() -> None:
    clock, events = FakeClock(), list[Event]()
    engine = Engine(clock, *[[(1, sending("a", 10)), None]] * 9)
    with pytest.raises(DockerError, match=r"push to registry:5000 stood still 3 times") as ended:
        push(clock, engine, events)
    assert ended.value.exit_code == 125
    assert "not sent again" in str(ended.value.hint)
    assert engine.silences == [60, 120, 240], "one that is slow with a large layer is left more time"
    assert clock.elapsed_s < 10 * 60


@pytest.mark.parametrize(
    "message", [sending("a", 10), {"id": "a", "status": "Retrying in 5 seconds"}, {"id": "b", "status": "Waiting"}]
)
def test_words_without_a_byte_are_no_progress(message: Mapping[str, Any]) -> None:
    clock, events = FakeClock(), list[Event]()
    talk: list[Any] = [(0, sending("a", 10)), (0, {"id": "b", "status": "Waiting"}), *[(1, message)] * 1000]
    with pytest.raises(DockerError, match="stood still"):
        push(clock, Engine(clock, talk, talk, talk), events)


def test_a_slow_push_is_no_stalled_one() -> None:
    clock, events = FakeClock(), list[Event]()
    slow: list[Any] = [(59, sending("a", byte)) for byte in range(1, 100)]
    assert push(clock, Engine(clock, [*slow, *((0, message) for message in DONE)]), events) == DIGEST


# -- Docker's own client ------------------------------------------------------------------------------------------


class SilentEngine:
    """An engine behind a socket that begins to answer, or doesn't, and then says nothing until it is hung up on."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self._answer = answer
        self.hung_up = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(self._answer)
            while connection.recv(1 << 16):
                pass
        self.hung_up.set()

    def close(self) -> None:
        self._socket.close()


BEGUN = b'{"status":"Pushing","id":"a","progressDetail":{"current":1,"total":9}}\r\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("answer", [b"", HEAD, HEAD + f"{len(BEGUN):x}\r\n".encode() + BEGUN + b"\r\n"])
def test_dockers_client_gives_up_and_hangs_up_so_that_the_engine_gives_up_too(tmp_path: Path, answer: bytes) -> None:
    server = SilentEngine(tmp_path / "s", answer)
    api = docker.APIClient(base_url=f"unix://{tmp_path / 's'}", version="1.41", timeout=900)
    try:
        with pytest.raises(TimeoutError):
            for _ in ApiPushEngine(api).push("r/p", "t", {"username": "a", "password": "b"}, silent_s=0.1):
                pass
        assert server.hung_up.wait(PATIENCE_S)
        assert api.timeout == 900
    finally:
        api.close()
        server.close()
