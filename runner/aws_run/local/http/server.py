"""The HTTP front: signs of a signature, whose call it is, our answer or moto's."""

from __future__ import annotations

import io
import json
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from aws_run.local.api.s3_rules import wrong_owner
from aws_run.local.http.iam_policy import denied
from aws_run.local.http.protocol import Call, Environ, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

StartResponse = Callable[..., Any]
Page = Callable[[AccountState, str, str, bytes], Reply]
OWN_PREFIX = "/_aws-run/"

# Signing names that are not botocore's names of the service.
_SERVICES = {
    "monitoring": "cloudwatch",
    "email": "sesv2",
    "tagging": "resourcegroupstaggingapi",
    "servicequotas": "service-quotas",
}


class App:
    """WSGI: moto behind, the embedded AWS in front."""

    def __init__(self, world: AccountState, table: Table, pages: Page, inner: Callable[..., Iterable[bytes]]) -> None:
        self._world = world
        self._table = table
        self._pages = pages
        self._inner = inner
        self._inner_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "/"))
        if path.startswith(OWN_PREFIX):
            body = _read(environ)
            query = str(environ.get("QUERY_STRING", ""))
            reply = self._pages(self._world, f"{path[len(OWN_PREFIX) :]}?{query}", str(environ["REQUEST_METHOD"]), body)
            return _send(reply, start_response)
        return _send(self._answer(environ), start_response)

    def date(self) -> str:
        return format_datetime(self._world.clock.now(), usegmt=True)

    def _answer(self, environ: Environ) -> Reply:
        scope = credential_scope(environ)
        if scope is None and not _may_be_unsigned(environ):
            return _plain_refusal(environ)
        access_key, region, service = scope or ("", self._world.options.region, "sts")
        body = _read(environ) if service != "s3" else b""
        environ["wsgi.input"] = io.BytesIO(body) if service != "s3" else environ["wsgi.input"]
        call = Call(
            service=_SERVICES.get(service, service),
            operation=_operation(environ, body),
            region=region,
            access_key=access_key,
            environ=environ,
            body=body,
            proceed=lambda: self._one_by_one(environ, service),
            query=dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)),
        )
        if not call.access_key.startswith("ASIA"):
            self._world.calls.append(f"{call.service}:{call.operation or f'{call.method} {call.path}'}")
        return self._world.faults.around(call, lambda: self.dispatch(call))

    def dispatch(self, call: Call) -> Reply:
        try:
            refusal = denied(self._world, call)
            if refusal is None and call.service == "s3":
                refusal = wrong_owner(self._world, call)
            if refusal is not None:
                return call.refuse(refusal)
            handler = self._table.get((call.service, call.operation))
            if handler is None:
                return call.proceed()
            answer = handler(self._world, call)
            return answer if isinstance(answer, Reply) else call.reply(answer)
        except Refusal as refusal:
            return call.refuse(refusal)
        except NotImplementedError as error:
            text = f"The embedded AWS does not have {call.service}:{call.operation} ({error})"
            return call.refuse(Refusal("InvalidAction", text))
        except Exception as error:  # noqa: BLE001 - a fault of ours answers as AWS's own faults do, and status shows it
            self._world.note(error)
            self._world.errors.append(traceback.format_exc())
            return call.refuse(Refusal("InternalFailure", f"{type(error).__name__}: {error}", status=500))

    def _one_by_one(self, environ: Environ, service: str) -> Reply:
        """moto's backends are not made for several threads: two CreateRole at once break a listing. S3's bear it, and
        its bodies are too long to wait for."""
        if service == "s3":
            return self._moto(environ)
        with self._inner_locks[service]:
            return self._moto(environ)

    def _moto(self, environ: Environ) -> Reply:
        """moto's answer. A call moto lacks raises NotImplementedError, as moto itself does."""
        seen: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            if exc_info:
                raise exc_info[1]
            seen["status"], seen["headers"] = int(status.split()[0]), tuple(headers)
            return lambda _: None

        chunks = self._inner(environ, start)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        return Reply(status=seen["status"], headers=seen["headers"], body=body)


def credential_scope(environ: Environ) -> tuple[str, str, str] | None:
    """(access key, region, signing name) of a signed request, header or query."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    credential = ""
    if header.startswith("AWS4-"):
        for part in header.replace(",", " ").split():
            if part.startswith("Credential="):
                credential = part[len("Credential=") :]
    else:
        for name, value in parse_qsl(str(environ.get("QUERY_STRING", ""))):
            if name == "X-Amz-Credential":
                credential = unquote(value)
    pieces = credential.split("/")
    return (pieces[0], pieces[2], pieces[3]) if len(pieces) == 5 else None


def _may_be_unsigned(environ: Environ) -> bool:
    return str(environ.get("PATH_INFO", "")).startswith("/moto-api")


def _operation(environ: Environ, body: bytes) -> str:
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rsplit(".", 1)[-1]
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode(errors="replace"))).get("Action", "")
    return dict(parse_qsl(str(environ.get("QUERY_STRING", "")))).get("Action", "")


def _read(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        return bytes(environ["wsgi.input"].read(int(length)))
    if "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")) and environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return b""


def _plain_refusal(environ: Environ) -> Reply:
    text = "Missing Authentication Token"
    body = f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>".encode()
    if environ.get("HTTP_X_AMZ_TARGET"):
        body = json.dumps({"__type": "MissingAuthenticationTokenException", "message": text}).encode()
    kind = "application/x-amz-json-1.1" if environ.get("HTTP_X_AMZ_TARGET") else "application/xml"
    return Reply(status=403, headers=(("Content-Type", kind),), body=body)


def _send(reply: Reply, start_response: StartResponse) -> Iterable[bytes]:
    from http import HTTPStatus

    names = {name.lower() for name, _ in reply.headers}
    length = [] if "content-length" in names else [("Content-Length", str(len(reply.body)))]
    phrase = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else "Unknown"
    headers = [(name, value) for name, value in reply.headers if name.lower() != "date"]  # the listener says the time
    start_response(f"{reply.status} {phrase}", [*headers, *length])
    return [reply.body]


class Listener:
    """One listening address, served by threads of this process."""

    def __init__(self, host: str, port: int, app: App) -> None:
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        class QuietHandler(MotoRequestHandler):
            protocol_version = "HTTP/1.1"

            def date_time_string(self, timestamp: float | None = None) -> str:
                """The Date of each answer: what time it is in AWS."""
                return app.date() if timestamp is None else super().date_time_string(timestamp)

            def log(self, type: str, message: str, *args: Any) -> None:
                """stderr belongs to the tool."""

        self._server = make_server(host, port, app, threaded=True, request_handler=QuietHandler)
        vars(self._server)["daemon_threads"] = True  # socketserver's; werkzeug's types hide it
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"http-{host}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
