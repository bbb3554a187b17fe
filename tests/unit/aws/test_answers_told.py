"""Each request is told with what it was and how it went (--debug), and nothing of what was in it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from aws_run.aws.session import Aws
from aws_run.cli.compose import make_context
from aws_run.cli.target import Target
from aws_run.errors import AwsCallError
from aws_run.events import Event, Notice

SECRET = "do-not-print-this"
_IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>U</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
_REFUSAL = b"""<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>
<RequestId>r</RequestId></ErrorResponse>"""


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        status, body = (200, _IDENTITY) if b"GetCallerIdentity" in asked else (403, _REFUSAL)
        self.send_response(status)
        self.send_header("x-amzn-requestid", "r")
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield Aws(region="us-east-1")
        server.shutdown()


def test_each_request_is_told_with_its_status_and_nothing_of_what_was_in_it(aws: Aws) -> None:
    seen: list[Event] = []
    make_context(aws, seen.append, Target())
    aws.identity()
    with pytest.raises(AwsCallError):
        aws.call("sts", "get_session_token", SerialNumber=f"arn:{SECRET}")
    assert all(isinstance(one, Notice) and one.level == "debug" for one in seen)
    told = [one.text for one in seen if isinstance(one, Notice)]
    assert [text.rpartition(",")[0] for text in told] == [
        "AWS: sts GetCallerIdentity: 200",
        "AWS: sts GetSessionToken: 403",
    ]
    assert SECRET not in "".join(told)


def test_a_request_without_an_answer_is_told_too(aws: Aws) -> None:
    seen: list[tuple[str, int | None]] = []
    aws.on_answer = lambda trip: seen.append((trip.operation, trip.status))
    client = aws._client("sts")

    class Unplugged:
        def send(self, request: object) -> None:
            raise RuntimeError("no network")

    client._endpoint.http_session = Unplugged()
    with pytest.raises(AwsCallError):
        aws.call("sts", "get_caller_identity")
    assert seen == [("GetCallerIdentity", None)]
