"""The HTTP front: checks who may come in and who signed the call, then answers it or hands it to moto."""

from __future__ import annotations

import functools
import io
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from aws_run.aws.regions import known_regions
from aws_run.local.api import s3_rules, web_identity
from aws_run.local.http import endpoint, signature
from aws_run.local.http.door import Door
from aws_run.local.http.iam_policy import denied
from aws_run.local.http.keys import is_role_key
from aws_run.local.http.protocol import Call, Environ, Refusal, Reply, uniform_refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

StartResponse = Callable[..., Any]
Page = Callable[[AccountState, str, str, bytes], Reply]
OWN_PREFIX = "/_aws-run/"
BACKEND = "aws_run.service"  # in the environ that moto gets: the signing name that was checked

# Signing names that are not botocore's names of the service.
_SERVICES = {"servicequotas": "service-quotas"}


class App:
    """WSGI: moto behind, the embedded AWS in front."""

    def __init__(self, world: AccountState, table: Table, pages: Page, inner: Callable[..., Iterable[bytes]]) -> None:
        self._world = world
        self._table = table
        self._pages = pages
        self._inner = inner
        self._inner_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def serve(self, door: Door, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return _send(door.turns_away(environ) or self._at(door, environ), start_response)

    def _at(self, door: Door, environ: Environ) -> Reply:
        path = str(environ.get("PATH_INFO", "/"))
        if door.tasks:
            return endpoint.page(self._world, path) or self._answer(door, environ)
        if path.startswith(OWN_PREFIX):
            return self._own_page(path[len(OWN_PREFIX) :], environ)
        return self._answer(door, environ)

    def _own_page(self, path: str, environ: Environ) -> Reply:
        kind, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        if kind != "Bearer" or not self._world.keys.is_token(token):
            text = "This page needs the token of the embedded AWS's state file."
            return endpoint.as_json({"error": text}, status=401)
        query = str(environ.get("QUERY_STRING", ""))
        return self._pages(self._world, f"{path}?{query}", str(environ["REQUEST_METHOD"]), _read(environ))

    def date(self) -> str:
        return format_datetime(self._world.clock.now(), usegmt=True)

    def _answer(self, door: Door, environ: Environ) -> Reply:
        claim = signature.claim_of(environ)
        if claim is None:
            return self._unsigned(door, environ)
        if claim.service not in door.services:
            names = ", ".join(sorted(door.services))
            text = f"The embedded AWS does not have {claim.service} here; it has {names}"
            return uniform_refusal(environ, Refusal("InvalidAction", text))
        if door.tasks and not is_role_key(claim.access_key):
            text = "Tasks call AWS with their role's credentials, and with no other."
            return uniform_refusal(environ, Refusal("AccessDenied", text, status=403))
        body = _read(environ) if claim.service != "s3" else b""
        environ["wsgi.input"] = io.BytesIO(body) if claim.service != "s3" else environ["wsgi.input"]
        call = Call(
            service=_SERVICES.get(claim.service, claim.service),
            operation="",
            region=claim.region,
            access_key=claim.access_key,
            environ=environ,
            body=body,
            proceed=lambda: self._one_by_one(environ, claim.service),
            query=dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)),
        )
        clocks = (self._world.clock.now(), datetime.now(timezone.utc))
        refusal = signature.refused(call, claim, self._world.keys.secret_of(claim.access_key), clocks)
        if claim.region in self._world.options.closed_regions:
            text = "The security token included in the request is invalid."
            refusal = Refusal("InvalidClientTokenId", text, status=403)
        if refusal is None and claim.region not in _regions():
            refusal = Refusal("UnknownEndpoint", f"{call.service} has no endpoint in {claim.region}.")
        if refusal is not None:
            return call.refuse(refusal)
        try:
            call.operation = _operation(environ, body)
        except Refusal as ambiguous:
            return call.refuse(ambiguous)
        environ["HTTP_AUTHORIZATION"], environ[BACKEND] = claim.authorization, claim.service
        if not is_role_key(call.access_key):
            self._world.calls.append(f"{call.service}:{call.operation or f'{call.method} {call.path}'}")
        try:
            return self._world.faults.around(call, lambda: self.dispatch(call))
        finally:
            call.close()

    def _unsigned(self, door: Door, environ: Environ) -> Reply:
        """Nobody has signed it: refused, but for the one call by which credentials are got."""
        form = str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
        if door.tasks or not form or environ["REQUEST_METHOD"] != "POST":
            return _plain_refusal(environ)
        body = _read(environ)
        if ("Action", web_identity.OPERATION) not in parse_qsl(body.decode(errors="replace")):
            return _plain_refusal(environ)
        call = Call(
            service="sts",
            operation=web_identity.OPERATION,
            region=self._world.options.region,
            access_key="",
            environ=environ,
            body=body,
            proceed=lambda: _plain_refusal(environ),
        )
        self._world.calls.append(f"sts:{web_identity.OPERATION}")
        return self._world.faults.around(call, lambda: self._exchange(call))

    def _exchange(self, call: Call) -> Reply:
        try:
            return call.reply(web_identity.assume(self._world, call))
        except Refusal as refusal:
            return call.refuse(refusal)

    def dispatch(self, call: Call) -> Reply:
        try:
            refusal = denied(self._world, call)
            if refusal is None and call.service == "s3":
                refusal = s3_rules.refusal(self._world, call)
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
            self._world.note(error, f"{call.service}:{call.operation}")
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


def _operation(environ: Environ, body: bytes) -> str:
    """The one operation that the request names, "" where its protocol names none.

    Refusal for two: what is judged here and what moto carries out could differ.
    """
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    named = {target.rsplit(".", 1)[-1]} if target else set()
    texts = [str(environ.get("QUERY_STRING", ""))]
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        texts.append(body.decode(errors="replace"))
    named |= {value for text in texts for name, value in parse_qsl(text) if name == "Action"}
    if len(named) > 1:
        raise Refusal("InvalidAction", "The request names more than one operation.")
    return named.pop() if named else ""


def _read(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        return bytes(environ["wsgi.input"].read(int(length)))
    if "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")) and environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return b""


@functools.cache
def _regions() -> frozenset[str]:
    from botocore.session import get_session

    return known_regions(get_session())


def _plain_refusal(environ: Environ) -> Reply:
    """Unsigned, or signed in a way that can't be read."""
    query = {name for name, _ in parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)}
    if str(environ.get("HTTP_AUTHORIZATION", "")).startswith("AWS ") or {"AWSAccessKeyId", "Signature"} <= query:
        text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        return uniform_refusal(environ, Refusal("InvalidRequest", text))
    code = "MissingAuthenticationTokenException" if environ.get("HTTP_X_AMZ_TARGET") else "AccessDenied"
    return uniform_refusal(environ, Refusal(code, "Missing Authentication Token", status=403))


def _send(reply: Reply, start_response: StartResponse) -> Iterable[bytes]:
    from http import HTTPStatus

    names = {name.lower() for name, _ in reply.headers}
    length = [] if "content-length" in names else [("Content-Length", str(len(reply.body)))]
    phrase = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else "Unknown"
    headers = [(name, value) for name, value in reply.headers if name.lower() != "date"]  # the listener says the time
    start_response(f"{reply.status} {phrase}", [*headers, *length])
    return [reply.body]


class Listener:
    """One listening address, served by threads of this process; `door` says who may come in there."""

    def __init__(self, host: str, port: int, app: App, door: Door) -> None:
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        class QuietHandler(MotoRequestHandler):
            protocol_version = "HTTP/1.1"

            def date_time_string(self, timestamp: float | None = None) -> str:
                """The Date of each answer: what time it is in AWS."""
                return app.date() if timestamp is None else super().date_time_string(timestamp)

            def log(self, type: str, message: str, *args: Any) -> None:
                """stderr belongs to the tool."""

        def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            return app.serve(door, environ, start_response)

        self._server = make_server(host, port, serve, threaded=True, request_handler=QuietHandler)
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
