"""The pages of an embedded AWS that does not answer, or whose answer is not its own: a sentence and the way out."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aws_run.cli.main import _run
from aws_run.errors import AwsRunError
from aws_run.local import session_plugin, state
from aws_run.local.ask import ask
from aws_run.local.options import LocalAws

LOCAL = LocalAws(
    endpoint_url="http://127.0.0.1:9", region="us-east-1", account="123456789012", runtime="process",
    runtime_reason="as a test has it", state_dir="/nowhere", access_key="AKIA", secret_key="secret", token="token",
)  # fmt: skip


@contextmanager
def answering(text: bytes) -> Iterator[LocalAws]:
    """An address where one connection gets `text`, whatever it asks for; nobody takes it where there is none."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(text)

        if text:
            threading.Thread(target=answer, daemon=True).start()
        yield replace(LOCAL, endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n{", "does not answer"),
        (b"HTTP/1.0 200 OK\r\n\r\nnull", "the answer is not its own"),
        (b"HTTP/1.0 500 Oh\r\n\r\n{}", "Oh"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "does not answer"),
        (b"GO AWAY\r\n", "GO AWAY"),
        (b"", "timed out"),
    ],
)
def test_what_is_no_answer_of_its_own_is_told_with_the_way_out(text: bytes, why: str) -> None:
    with answering(text) as local, pytest.raises(AwsRunError, match=why) as caught:
        ask(local, "status", timeout_s=0.2 if not text else 30.0)
    assert "aws-run local stop" in (caught.value.hint or "")


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """One whose lock is held, and that nobody reaches: its port is closed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        local = replace(LOCAL, endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}")
    folder = state.made_state_dir()
    with state.held(folder), state.written(folder, local):
        yield local


@pytest.mark.parametrize("command", ["status", "bill", "spot-interrupt"])
def test_the_commands_that_ask_it_say_that_it_does_not_answer(
    command: str, gone: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["local", command], debug=False) == 125
    told = capsys.readouterr().err
    assert f"{gone.endpoint_url} does not" in " ".join(told.split())
    assert "itself failed" not in told


def test_a_session_that_can_not_be_begun_is_told_without_a_traceback(
    gone: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert session_plugin.main([json.dumps({"sessionId": "s", "tokenValue": "t"})]) == 1
    told = capsys.readouterr().err
    assert gone.endpoint_url in told
    assert "aws-run local stop" in told
