from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.unit.fakes import FakeClock
from tests.unit.image.docker.push_support import DIGEST, DONE, Tokens

from aws_run.errors import DockerError
from aws_run.events import Event, LaneProgress
from aws_run.image.docker.push import push_image


class FakeEngine:
    """Plays one script per push; a string is the engine's error, an exception is raised in the middle."""

    def __init__(self, *scripts: str | Exception | list[Mapping[str, Any]]) -> None:
        self._scripts = list(scripts)
        self.passwords: list[str] = []

    def push(self, repository: str, tag: str, auth: Mapping[str, str], silent_s: float) -> Iterator[Mapping[str, Any]]:
        self.passwords.append(auth["password"])
        script = self._scripts.pop(0)
        if isinstance(script, Exception):
            raise script
        if isinstance(script, str):
            yield {"error": script, "errorDetail": {"message": script}}
        else:
            yield from script

    def remote_digest(self, reference: str, auth: Mapping[str, str]) -> str:
        return f"remote {reference} {auth['password']}"


def push(engine: FakeEngine, emitted: list[Event] | None = None, clock: FakeClock | None = None) -> str:
    events: list[Event] = emitted if emitted is not None else []
    return push_image(engine, "r/p", "t", Tokens(), emit=events.append, clock=clock or FakeClock())


def test_the_digest_is_the_registrys() -> None:
    assert push(FakeEngine(DONE)) == DIGEST


@pytest.mark.parametrize(
    "refusal",
    [
        "denied: Your authorization token has expired. Reauthenticate and try again.",
        "no basic auth credentials",
        "unauthorized: authentication required",
    ],
)
def test_a_token_that_expired_in_the_middle_is_fetched_again(refusal: str) -> None:
    engine, clock = FakeEngine(refusal, DONE), FakeClock()
    assert push(engine, clock=clock) == DIGEST
    assert engine.passwords == ["token-1", "token-2"]
    assert clock.slept == []


def test_credentials_that_are_refused_each_time_end_the_push() -> None:
    engine = FakeEngine(*["no basic auth credentials"] * 9)
    with pytest.raises(DockerError, match="could not push to r/p: no basic auth credentials"):
        push(engine)
    assert len(engine.passwords) == 3


@pytest.mark.parametrize(
    "loss",
    [
        "read tcp 10.0.0.1: connection reset by peer",
        "net/http: TLS handshake timeout",
        "unexpected EOF",
        'Get "http://127.0.0.1:5000/v2/": http: server closed idle connection',
        "http2: client connection lost",
        "http2: server sent GOAWAY and closed the connection",
        "received unexpected HTTP status: 503 Service Unavailable",
        "toomanyrequests: Rate exceeded",
        ConnectionError("engine restarted"),
        [],
    ],
)
def test_a_lost_connection_is_tried_again_with_growing_waits(loss: Any) -> None:
    clock = FakeClock()
    assert push(FakeEngine(loss, loss, loss, DONE), clock=clock) == DIGEST
    assert clock.slept == [1.0, 2.0, 4.0]


def test_a_network_that_stays_away_ends_the_push() -> None:
    with pytest.raises(DockerError, match="connection reset"):
        push(FakeEngine(*["connection reset by peer"] * 9))


def test_what_is_no_accident_is_not_tried_again() -> None:
    engine = FakeEngine("denied: User: arn:aws:iam::1:user/x is not authorized to perform: ecr:PutImage", DONE)
    with pytest.raises(DockerError, match="not authorized") as caught:
        push(engine)
    assert "ecr:PutImage" in str(caught.value.hint)
    assert len(engine.passwords) == 1


def test_a_full_disk_is_said() -> None:
    with pytest.raises(DockerError, match="The disk is full"):
        push(FakeEngine("write /var/lib/docker/tmp/x: no space left on device"))


def test_a_run_that_was_first_with_the_same_tag_made_the_same_image() -> None:
    refusal = "tag invalid: The image tag 't' already exists in the 'p' repository and cannot be overwritten because"
    assert push(FakeEngine(f"{refusal} the tag is immutable.")) == "remote r/p:t token-1"


def test_progress_is_in_bytes_over_all_layers() -> None:
    def layer(name: str, current: int, total: int) -> Mapping[str, Any]:
        return {"id": name, "status": "Pushing", "progressDetail": {"current": current, "total": total}}

    script = [
        {"id": "a", "status": "Preparing"},
        {"id": "c", "status": "Layer already exists"},
        layer("a", 50, 100),
        layer("b", 5, 10),
        {"id": "a", "status": "Pushed"},
        {"id": "b", "status": "Pushed"},
        *DONE,
    ]
    events: list[Event] = []
    push(FakeEngine(script), events)
    progress = [(event.done, event.total) for event in events if isinstance(event, LaneProgress)]
    assert progress[0] == (50, 100)
    assert progress[-1] == (110, 110)


def test_no_event_and_no_repr_holds_a_password() -> None:
    events: list[Event] = []
    push(FakeEngine("no basic auth credentials", "connection reset", DONE), events)
    assert len(events) == 2
    assert "token-" not in repr(events)
    assert "token-" not in repr(Tokens()())
