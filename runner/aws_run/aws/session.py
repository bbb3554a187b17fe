"""One AWS session: clients are made when first used, every request is counted, every error is translated."""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from aws_run import __version__
from aws_run.aws.answers import Answer, refuse_unreadable
from aws_run.aws.errors import translate, unreadable
from aws_run.clock import Clock, SystemClock
from aws_run.errors import AwsCallError

_RETRIES = BotoConfig(
    retries={"mode": "adaptive", "total_max_attempts": 8},  # throttling is ridden out with back-off (aws-facts §12, 5)
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=16,
    user_agent_extra=f"aws-run/{__version__}",
    # The bucket's own checksums are the transfer engine's business; records are small JSON.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# A Date header has whole seconds and is as old as the answer's way: less than this is no difference between two clocks.
_SAME_CLOCK_S = 3.0
# A body that breaks off is asked for again; botocore's own tries end with the headers.
_BODY_TRIES, _FIRST_WAIT_S = 6, 0.5
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class _Reader:
    """Sends one client's requests, and looks at what comes back before botocore believes it.

    In `before-send`, since botocore makes a call again for what is raised there, page by page too, and not for what its
    parser raises. A request that was answered elsewhere in that event is none of ours.
    """

    def __init__(self, client: Any) -> None:
        self._service = client.meta.service_model
        self._endpoint = client._endpoint

    def send(self, request: Any, event_name: str, **_: Any) -> Any:
        # before-send.<service>.<Operation>
        operation = self._service.operation_model(event_name.split(".", 2)[2])
        response = self._endpoint.http_session.send(request)
        refuse_unreadable(operation, response, is_head=request.method == "HEAD")
        return response


def _contradicts(answer: Answer, body: bytes) -> bool:
    """By the ETag, which is the MD5 of what came in one piece and is encrypted with S3's own keys, if at all."""
    if answer.get("ServerSideEncryption", "AES256") != "AES256" or answer.get("SSECustomerAlgorithm"):
        return False
    checksum = _MD5.fullmatch(str(answer["ETag"]))
    return checksum is not None and checksum[1] != hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Identity:
    account: str
    arn: str
    region: str


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """One HTTP request as sent, retries included."""

    service: str
    operation: str


class Aws:
    """What the rest of the tool sees of AWS. Safe to use from several threads.

    Whatever goes wrong between here and AWS is an AwsCallError that `passes`: no answer, half of one, somebody else's.
    """

    _clock: Clock = SystemClock()

    def __init__(self, *, region: str | None = None, profile: str | None = None, clock: Clock | None = None) -> None:
        if clock is not None:
            self._clock = clock
        try:
            # boto3 itself reads AWS_DEFAULT_REGION only; every other tool of the field reads AWS_REGION too.
            self._session = boto3.Session(
                profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None
            )
        except BotoCoreError as error:
            raise translate(error, service="configuration", operation="session") from None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._trips: list[RoundTrip] = []
        self._identity: Identity | None = None
        self._ahead_s = 0.0

    @property
    def ahead_s(self) -> float:
        """How far AWS's clock is ahead of this machine's, by its last answer; 0 while they agree."""
        return self._ahead_s

    @property
    def trips(self) -> tuple[RoundTrip, ...]:
        return tuple(self._trips)

    @property
    def endpoint_url(self) -> str | None:
        """Where S3 is when it is not AWS itself (AWS_ENDPOINT_URL, the embedded AWS)."""
        url: str = self._client("s3").meta.endpoint_url
        return None if url.endswith((".amazonaws.com", ".amazonaws.com.cn")) else url

    @property
    def region(self) -> str:
        region: str = self._client("sts").meta.region_name
        return region

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One API call (`operation` in boto3's snake case). Raises AwsCallError or CredentialsError."""
        method = getattr(self._client(service), operation)
        try:
            return Answer(method(**parameters), operation=operation)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, service=service, operation=operation) from error
        except Exception as error:  # botocore has no class for an answer that it can't parse, nor for endless redirects
            raise unreadable(error, service=service, operation=operation) from error

    def read_object(self, *, most_bytes: int | None = None, **parameters: Any) -> tuple[bytes, str]:
        """An S3 object, whole, and its ETag. `parameters`: those of GetObject.

        Of an object larger than `most_bytes` it is one byte more than those, so that it shows.
        """
        amount = None if most_bytes is None else most_bytes + 1
        wait_s, before = _FIRST_WAIT_S, None
        for tries_left in reversed(range(_BODY_TRIES)):
            answer = Answer(self.call("s3", "get_object", **parameters), operation="get_object")
            try:
                body = bytes(answer["Body"].read(amount))
            except Exception as error:  # noqa: BLE001 - of botocore, urllib3 and http.client, as the version wants it
                failure = unreadable(error, service="s3", operation="get_object")
            else:
                # Of a server whose ETags only look like checksums: what is read twice in the same way is what is there.
                part = "Range" in parameters or len(body) == amount
                if part or body == before or not _contradicts(answer, body):
                    return body, str(answer["ETag"])
                before = body
                text = "s3's answer to get_object is not what its checksum says"
                failure = AwsCallError(text, code="ConnectionError", operation="get_object")
            if tries_left:
                self._clock.sleep(wait_s * (0.5 + random.random() / 2))  # noqa: S311 - jitter, not a secret
                wait_s *= 2
        raise failure

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """All items under `key` of a paginated call."""
        try:
            for page in self._client(service).get_paginator(operation).paginate(**parameters):
                yield from Answer(page, operation=operation).get(key) or ()
        except (ClientError, BotoCoreError) as error:
            raise translate(error, service=service, operation=operation) from error
        except AwsCallError:
            raise
        except Exception as error:
            raise unreadable(error, service=service, operation=operation) from error

    def identity(self) -> Identity:
        """Who is asking, and where; asked once."""
        if self._identity is None:
            answer = self.call("sts", "get_caller_identity")
            self._identity = Identity(account=answer["Account"], arn=answer["Arn"], region=self.region)
        return self._identity

    def frozen_credentials(self) -> Any:
        """access_key, secret_key and token as of now: botocore refreshes them when they are about to expire."""
        source = self._session.get_credentials()
        if source is None:
            raise translate(NoCredentialsError(), service="s3", operation="sign")
        return source.get_frozen_credentials()

    def _client(self, service: str) -> Any:
        with self._lock:  # making a client is not thread-safe, using one is
            if service not in self._clients:
                try:
                    # Without a region STS answers for "aws-global", where nothing can be run.
                    if not (self._session.region_name or "").strip():
                        raise NoRegionError
                    client = self._session.client(service, config=_RETRIES)
                except (BotoCoreError, ValueError) as error:  # ValueError: an AWS_ENDPOINT_URL that is none
                    raise translate(error, service=service, operation="client") from None
                client.meta.events.register("before-send", self._count)
                client.meta.events.register("before-send", _Reader(client).send)
                client.meta.events.register("response-received", self._read_time)
                self._clients[service] = client
            return self._clients[service]

    def _count(self, request: Any, event_name: str, **_: Any) -> None:
        # before-send.<service>.<Operation>
        _name, service, operation = event_name.split(".", 2)
        self._trips.append(RoundTrip(service=service, operation=operation))

    def _read_time(self, response_dict: dict[str, Any] | None = None, **_: Any) -> None:
        said = (response_dict or {}).get("headers", {}).get("date")
        if not said:
            return
        try:
            ahead_s = (parsedate_to_datetime(said) - datetime.now(timezone.utc)).total_seconds()
        except (ValueError, TypeError):
            return  # no date, or one without a zone
        self._ahead_s = ahead_s if abs(ahead_s) > _SAME_CLOCK_S else 0.0
