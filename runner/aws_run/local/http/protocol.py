"""AWS's wire formats, both ways, through botocore's own service models (parsers and serializers are moto's).

An operation becomes a dict of parameters as boto3 would take them; an answer is the dict boto3 would give back.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aws_run.frozen import frozen

Environ = dict[str, Any]
Params = dict[str, Any]


class Refusal(Exception):
    """AWS's answer to a call that it does not accept: `code` as botocore's ClientError will show it."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@frozen
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(kw_only=True)
class Call:
    """One AWS call as it came over the wire; `proceed` hands it on to moto. S3's `body` is left where it comes from."""

    service: str
    operation: str
    region: str
    access_key: str
    environ: Environ
    body: bytes
    proceed: Callable[[], Reply]
    query: Mapping[str, str] = field(default_factory=dict)
    given: Params | None = None  # a call from inside: its parameters, never on a wire
    _open: list[IO[bytes]] = field(default_factory=list)

    def keep_open(self, file: IO[bytes]) -> IO[bytes]:
        """`file`, which `close` closes once the call is answered."""
        self._open.append(file)
        return file

    def close(self) -> None:
        for file in self._open:
            file.close()

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        return str(self.environ.get("PATH_INFO", "/"))

    def whole_body(self) -> bytes:
        """All of the body, S3's too, which is put back for who carries the call out."""
        if self.service != "s3":
            return self.body
        if "aws_run.body" not in self.environ:
            length = self.environ.get("CONTENT_LENGTH")
            chunked = self.environ.get("wsgi.input_terminated")
            read = self.environ["wsgi.input"].read
            self.environ["aws_run.body"] = read(int(length)) if length else read() if chunked else b""
        body = bytes(self.environ["aws_run.body"])
        self.environ["wsgi.input"] = io.BytesIO(body)
        return body

    def params(self) -> Params:
        """The call's parameters as a dict with AWS's own member names."""
        if self.given is not None:
            return dict(self.given)
        from moto.core.parse import PROTOCOL_PARSERS
        from moto.core.utils import get_service_model

        model = get_service_model(self.service)
        parser = PROTOCOL_PARSERS[self._protocol(model)](model.operation_model(self.operation))
        parsed = parser.parse(
            {
                "method": self.method,
                "values": self._values(),
                "headers": _headers(self.environ),
                "body": self.body,
                "url_path": self.path,
                "url_params": {},
            }
        )
        return dict(parsed)

    def reply(self, result: Mapping[str, Any]) -> Reply:
        """`result` in the wire format the caller speaks."""
        from moto.core.serialize import SerializationContext, get_serializer_class
        from moto.core.utils import get_service_model

        model = get_service_model(self.service)
        serializer = get_serializer_class(model.service_name, self._protocol(model))(
            operation_model=model.operation_model(self.operation), context=SerializationContext(str(uuid.uuid4()))
        )
        answer = serializer.serialize(dict(result))
        body = answer["body"]
        return Reply(
            status=int(answer["status_code"]),
            headers=(
                *((str(key), str(value)) for key, value in answer["headers"].items()),
                ("x-amzn-RequestId", str(uuid.uuid4())),
            ),
            body=body if isinstance(body, bytes) else str(body).encode(),
        )

    def refuse(self, refusal: Refusal) -> Reply:
        """`refusal` as this caller's protocol words errors."""
        from moto.core.utils import get_service_model

        code, message = refusal.code, refusal.message
        request_id = str(uuid.uuid4())
        protocol = self._protocol(get_service_model(self.service))
        if protocol in ("json", "rest-json"):
            body = json.dumps({"__type": code, "message": message})
            kind = "application/x-amz-json-1.1"
        else:
            error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            kind = "text/xml"
            if protocol == "ec2":
                body = (
                    f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
                )
            elif protocol == "query":
                error = f"<Error><Type>Sender</Type>{error}</Error>"
                body = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
            else:
                kind = "application/xml"
                body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
        headers = (("Content-Type", kind), ("x-amzn-RequestId", request_id), ("x-amzn-errortype", code))
        return Reply(status=refusal.status, headers=headers, body=b"" if self.method == "HEAD" else body.encode())

    def _values(self) -> Any:
        from werkzeug.datastructures import MultiDict

        form = parse_qsl(self.body.decode(), keep_blank_values=True) if self._is_form() else []
        return MultiDict([*form, *self.query.items()])

    def _is_form(self) -> bool:
        return str(self.environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")

    def _protocol(self, model: Any) -> str:
        from moto.core.request import determine_request_protocol

        return str(determine_request_protocol(model, self.environ.get("CONTENT_TYPE", "")))


def uniform_refusal(environ: Environ, refusal: Refusal) -> Reply:
    """`refusal` where the service is none that we have, so that nobody knows its protocol: JSON to who speaks it."""
    target, kind = environ.get("HTTP_X_AMZ_TARGET"), str(environ.get("CONTENT_TYPE", ""))
    headers = (("x-amzn-errortype", refusal.code),)
    if target or "json" in kind:
        body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
        return Reply(
            status=refusal.status, headers=(("Content-Type", "application/x-amz-json-1.1"), *headers), body=body
        )
    error = f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
    if kind.startswith("application/x-www-form-urlencoded"):
        error = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
    else:
        error = f"<Error>{error}</Error>"
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else error.encode()
    return Reply(status=refusal.status, headers=(("Content-Type", "application/xml"), *headers), body=body)


def _headers(environ: Environ) -> Any:
    from werkzeug.datastructures import EnvironHeaders

    return EnvironHeaders(environ)
