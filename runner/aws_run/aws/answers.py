"""Checks that an HTTP response comes from AWS and is complete. Otherwise it counts as no response, and the call is
repeated.

botocore raises no error for a truncated JSON document (it returns an empty response), reads a login page as a response
without content, and an error page of a proxy as AWS's own refusal: "404" would mean that a bucket does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from botocore.exceptions import HTTPClientError

from aws_run.aws.errors import NETWORK_HINT
from aws_run.errors import AwsCallError

_JSON = ("json", "rest-json")
_ALWAYS_XML = ("query", "ec2")  # every response has a body, if only with the request's id
_IN_THE_WAY = "something between here and AWS answered in its place (a proxy or a login page?)"
_NOT_BODY = ("header", "headers", "statusCode")


class UnreadableAnswerError(HTTPClientError):
    """botocore repeats the call, as it does when there was no response."""

    fmt = "{error}"


def refuse_unreadable(operation: Any, response: Any, *, is_head: bool) -> None:
    """Raises UnreadableAnswerError. `operation` and `response` are botocore's OperationModel and AWSResponse."""
    streams = operation.has_streaming_output and response.status_code < 300
    fault = fault_of(
        operation,
        status=response.status_code,
        headers=response.headers,
        body=None if streams or is_head else response.content,
    )
    if fault:
        raise UnreadableAnswerError(error=fault)


def fault_of(operation: Any, *, status: int, headers: Mapping[str, str], body: bytes | None) -> str | None:
    """What is wrong with the response; None: nothing. `body` None: there is no body to check."""
    if status >= 500:
        return None  # load balancers send these without AWS's headers; they are retried anyway
    # Every service identifies the request in each response: x-amzn-requestid, S3 x-amz-request-id.
    if not any(name.lower().startswith("x-amz") for name in headers):
        return f"{_IN_THE_WAY}, with status {status}"
    protocol = operation.service_model.resolved_protocol
    if body is None or (status < 300 and protocol not in _ALWAYS_XML and not _members(operation)):
        return None  # botocore does not read it either
    if protocol in _JSON:
        return _json_fault(operation, status, body)
    return _xml_fault(operation, status, body)


def _json_fault(operation: Any, status: int, body: bytes) -> str | None:
    if not body and status >= 300:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "the response is truncated or not JSON"
    if not isinstance(document, dict):
        return "the response is not a JSON object"
    wanted = _members(operation)
    if status < 300 and wanted and not wanted & set(document):
        return "the response contains nothing of what was requested"
    return None


def _xml_fault(operation: Any, status: int, body: bytes) -> str | None:
    if not body:
        return "the response is empty" if status < 300 else None
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - botocore's own parser reads the same text a moment later
    except ElementTree.ParseError:
        return "the response is truncated or not XML"
    if _local(root.tag).lower() == "html":
        return _IN_THE_WAY
    if status >= 300 or operation.service_model.resolved_protocol not in _ALWAYS_XML:
        return None
    wrapper = operation.output_shape.serialization.get("resultWrapper") if operation.output_shape else None
    names = {_local(child.tag): child for child in root}
    if wrapper is not None:
        if wrapper not in names:
            return f"the response contains no {wrapper}"
        names = {_local(child.tag): child for child in names[wrapper]}
    wanted = _members(operation)
    if wanted and not wanted & set(names):
        return "the response contains nothing of what was requested"
    return None


def _members(operation: Any) -> set[str]:
    """A complete response has at least one of these: the body's members by their names on the wire, without tokens."""
    shape = operation.output_shape
    if shape is None:
        return set()
    return {
        str(member.serialization.get("name", name))
        for name, member in shape.members.items()
        if member.serialization.get("location") not in _NOT_BODY and not name.lower().endswith(("token", "marker"))
    }


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


class Answer(dict[str, Any]):
    """A call's response. A missing member counts as no response at all, and is never a KeyError."""

    def __init__(self, content: Mapping[str, Any], *, operation: str) -> None:
        super().__init__({name: _guarded(value, operation) for name, value in content.items()})
        self._operation = operation

    def __missing__(self, name: str) -> Any:
        text = f"AWS's response to {self._operation} lacks {name}"
        raise AwsCallError(text, code="ConnectionError", operation=self._operation, hint=NETWORK_HINT)


def _guarded(value: Any, operation: str) -> Any:
    if isinstance(value, dict):
        return Answer(value, operation=operation)
    if isinstance(value, list):
        return [_guarded(one, operation) for one in value]
    return value
