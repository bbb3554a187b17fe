"""The image of the process runtime is stored whatever the first answers were, and only where ECR said so."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aws_run.errors import BuildError
from aws_run.local.options import LocalAws
from aws_run.local.runtime import builder

STORED = json.dumps({"image": {"imageId": {"imageTag": "t"}}}).encode()


def answer(status: str, body: bytes, *, sent: int | None = None, headers: str = "") -> bytes:
    """`sent`: how much of the body comes before the connection ends."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode() + body[: len(body) if sent is None else sent]


def refusal(kind: str) -> bytes:
    return json.dumps({"__type": kind, "message": f"it is {kind}"}).encode()


@contextmanager
def serving(answers: list[bytes]) -> Iterator[LocalAws]:
    """One answer a connection, in turn."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for one in answers:
                connection, _ = listener.accept()
                with connection:
                    while b"imageManifest" not in connection.recv(65536):
                        pass
                    connection.sendall(one)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield LocalAws(
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            access_key="k", secret_key="s", token="t", region="us-east-1", account="1", runtime="process",
            runtime_reason="", state_dir="/nowhere",
        )  # fmt: skip
        server.join(30)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "_WAITS_S", (0.0, 0.0))


@pytest.mark.parametrize(
    "first",
    [
        answer("200 OK", STORED, sent=10),
        answer("200 OK", b"<html>Please log in</html>"),
        answer("200 OK", b"{}"),
        answer("400 Bad Request", refusal("ThrottlingException"), sent=30),
        answer("400 Bad Request", refusal("ThrottlingException")),
        answer("500 Oops", b"<h1>Oops</h1>"),
        b"",
        b"HTTP/1.1 2",
    ],
)
def test_half_an_answer_is_none_and_the_image_is_stored_by_another_request(first: bytes) -> None:
    with serving([first, answer("200 OK", STORED)]) as local:
        builder.put_image(local, "arun/demo", "t", "{}")


def test_an_image_that_is_there_already_is_fine() -> None:
    with serving([answer("400 Bad Request", refusal("ImageAlreadyExistsException"))]) as local:
        builder.put_image(local, "arun/demo", "t", "{}")


def test_a_refusal_is_told_at_once_and_no_answer_in_the_end() -> None:
    refused = answer("400 Bad Request", refusal("RepositoryNotFoundException"))
    with serving([refused]) as local, pytest.raises(BuildError, match="it is RepositoryNotFoundException"):
        builder.put_image(local, "arun/demo", "t", "{}")
    broken = [answer("200 OK", STORED, sent=3)] * 3
    with serving(broken) as local, pytest.raises(BuildError, match="the answer is not ECR's"):
        builder.put_image(local, "arun/demo", "t", "{}")
