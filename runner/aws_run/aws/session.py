"""One AWS session: clients are made when first used, every request is counted, every error is translated."""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from aws_run import __version__, partition
from aws_run.aws.answers import Answer
from aws_run.aws.cache import Cache
from aws_run.aws.errors import UNKNOWN_TO_REGION, translate, unreadable
from aws_run.aws.models import ModelLoader
from aws_run.aws.regions import refuse_unknown_region
from aws_run.aws.round_trips import Reader, RoundTrip
from aws_run.aws.web_identity import WebIdentity
from aws_run.clock import Clock, SystemClock
from aws_run.errors import AwsCallError, AwsRunError, CredentialsError
from aws_run.frozen import frozen

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
# What only makes a run's estimate better is not waited for: behind a firewall that knows S3 and ECS alone there is
# none.
_OPTIONAL = frozenset({"pricing", "ce", "bcm-data-exports"})
_IMPATIENT = _RETRIES.merge(
    BotoConfig(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=15)
)
# The Price List lives in three regions, Cost Explorer and Data Exports in one of each partition (aws-facts §9).
_BILLING = frozenset({"ce", "bcm-data-exports"})
_BILLING_OF_CHINA = "cn-northwest-1"
_PRICE_LIST_NEAR = {"eu": "eu-central-1", "me": "eu-central-1", "af": "eu-central-1", "il": "eu-central-1"}
# A Date header has whole seconds and is as old as the response: a smaller difference between two clocks means nothing.
_SAME_CLOCK_S = 3.0
# A truncated body is requested again; botocore's own retries end with the headers.
_BODY_TRIES, _FIRST_WAIT_S = 6, 0.5
_OF_AWS = re.compile(r"https://s3(-fips)?(\.dualstack)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?/?")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


def _contradicts(answer: Answer, body: bytes) -> bool:
    """Compares with the ETag: the MD5 of an object that was uploaded in one part and has no encryption but S3's own."""
    if answer.get("ServerSideEncryption", "AES256") != "AES256" or answer.get("SSECustomerAlgorithm"):
        return False
    checksum = _MD5.fullmatch(str(answer["ETag"]))
    return checksum is not None and checksum[1] != hashlib.md5(body, usedforsecurity=False).hexdigest()


def _home(service: str, region: str | None) -> str | None:
    """The region where a service of all regions answers the callers of `region`; None: each region has its own."""
    if service in _BILLING:
        return _BILLING_OF_CHINA if (region or "").startswith("cn-") else "us-east-1"
    if service != "pricing" or region is None:
        return None
    part = region.partition("-")[0]
    return "ap-south-1" if part == "ap" else _PRICE_LIST_NEAR.get(part, "us-east-1")


def _session(
    region: str | None, profile: str | None, web_identity: WebIdentity | None, now: Callable[[], datetime]
) -> Any:
    """botocore's own session: boto3 adds resources and transfers, which nothing here uses, and their imports."""
    session: Any = web_identity.session(region, now) if web_identity is not None else botocore.session.get_session()
    for name, value in (("profile", profile), ("region", region)):
        if value is not None:
            session.set_config_variable(name, value)
    return session


def _without_region(*, has_credentials: bool) -> AwsRunError:
    """What else is missing is told in the same round."""
    if has_credentials:
        return translate(NoRegionError(), service="configuration", operation="region")
    return CredentialsError(
        "No AWS region is set, and no AWS credentials were found",
        hint="run `aws configure`, which asks for both, or `aws configure sso`; --local needs no account",
    )


def _loader(session: Any, cache: Cache | None) -> ModelLoader:
    more = (session.get_config_variable("data_path") or "").split(os.pathsep)  # as botocore reads AWS_DATA_PATH
    places = [os.path.expanduser(os.path.expandvars(place)) for place in more if place]  # noqa: PTH111 - botocore wants text
    return ModelLoader(places, cache)


@frozen
class Identity:
    account: str
    arn: str
    region: str


_FETCH_WITHIN_S = 10


class Aws:
    """What the rest of the tool sees of AWS. Safe to use from several threads.

    Every failure between here and AWS is a transient AwsCallError: no response, a truncated one, or somebody else's.
    """

    _clock: Clock = SystemClock()
    _canonical_id: str | None = None

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        clock: Clock | None = None,
        web_identity: WebIdentity | None = None,
        models: Cache | None = None,
    ) -> None:
        """`models`: where the parts of botocore's descriptions of services are kept that commands use (aws.models)."""
        self._ahead_s = 0.0
        if clock is not None:
            self._clock = clock
        try:
            # botocore itself reads AWS_DEFAULT_REGION only; every other tool of the field reads AWS_REGION too.
            region = region or os.environ.get("AWS_REGION") or None
            self._session = _session(region, profile, web_identity, self._now)
            self._loader = _loader(self._session, models)
            self._session.register_component("data_loader", self._loader)
            self._region_name = (self._session.get_config_variable("region") or "").strip() or None
            refuse_unknown_region(self._session, self._region_name)
        except BotoCoreError as error:
            raise translate(error, service="configuration", operation="session") from None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()
        self._trips: list[RoundTrip] = []
        # Told of each request when its answer is there, in the thread that waits for it.
        self.on_answer: Callable[[RoundTrip], None] = lambda trip: None
        self._identity: Identity | None = None

    @property
    def ahead_s(self) -> float:
        """How far AWS's clock is ahead of this machine's, by its last response; 0 while they agree."""
        return self._ahead_s

    def _now(self) -> datetime:
        """By AWS's clock, as far as it is known."""
        return datetime.now(timezone.utc) + timedelta(seconds=self._ahead_s)

    @property
    def trips(self) -> tuple[RoundTrip, ...]:
        return tuple(self._trips)

    @property
    def endpoint_url(self) -> str | None:
        """S3's address where it is not the region's plain one: a server of one's own (AWS_ENDPOINT_URL, the embedded
        AWS), a VPC endpoint, FIPS or dual-stack, by whichever of botocore's settings."""
        meta = self._client("s3").meta
        url, config = str(meta.endpoint_url), meta.config
        if not _OF_AWS.fullmatch(url):
            return url
        # What botocore shows here for FIPS is not what it sends to in us-east-1.
        dual_stack = config.use_dualstack_endpoint or (config.s3 or {}).get("use_dualstack_endpoint")
        kind = f"s3{'-fips' if config.use_fips_endpoint else ''}{'.dualstack' if dual_stack else ''}"
        suffix = partition.of_region(self.region).dns_suffix
        return None if kind == "s3" else f"https://{kind}.{self.region}.{suffix}"

    @property
    def configured_region(self) -> str | None:
        """The region that a flag, the environment or the profile names; None where nothing does. Asks nobody."""
        return self._region_name

    @property
    def has_credentials(self) -> bool:
        """Whether there are any, right or wrong. Outside of a profile it may ask the machine's metadata service."""
        try:
            return self._session.get_credentials() is not None
        except BotoCoreError:
            return False

    @property
    def region(self) -> str:
        region: str = self._client("sts").meta.region_name
        return region

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One API call (`operation` in boto3's snake case). Raises AwsCallError or CredentialsError."""
        method = getattr(self._client_with(service, operation), operation)
        try:
            return Answer(method(**parameters), operation=operation)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, service=service, operation=operation) from error
        except AwsRunError:  # of the source of the credentials
            raise
        except (
            Exception
        ) as error:  # botocore has no class for a response that it can't parse, nor for endless redirects
            raise unreadable(error, service=service, operation=operation) from error

    def read_object(
        self, *, most_bytes: int | None = None, on_date: Callable[[str], object] = lambda date: None, **parameters: Any
    ) -> tuple[bytes, str]:
        """A complete S3 object and its ETag. `parameters`: those of GetObject. `on_date` gets the answer's `Date`.

        Of an object larger than `most_bytes`, one byte more than that is returned, so that the caller sees it.
        """
        amount = None if most_bytes is None else most_bytes + 1
        wait_s, before = _FIRST_WAIT_S, None
        for tries_left in reversed(range(_BODY_TRIES)):
            answer = Answer(self.call("s3", "get_object", **parameters), operation="get_object")
            try:
                body = bytes(answer["Body"].read(amount))
            except Exception as error:  # noqa: BLE001 - from botocore, urllib3 or http.client, depending on the version
                failure = unreadable(error, service="s3", operation="get_object")
            else:
                # Some servers' ETags only look like checksums: what is read twice with the same result is right.
                part = "Range" in parameters or len(body) == amount
                if part or body == before or not _contradicts(answer, body):
                    on_date(str(dict(answer.get("ResponseMetadata") or {}).get("HTTPHeaders", {}).get("date", "")))
                    return body, str(answer["ETag"])
                before = body
                text = "s3's response to get_object does not match its checksum"
                failure = AwsCallError(text, code="ConnectionError", operation="get_object")
            if tries_left:
                self._clock.sleep(wait_s * (0.5 + random.random() / 2))  # noqa: S311 - jitter, not a secret
                wait_s *= 2
        raise failure

    def fetch(self, url: str) -> bytes:
        """What lies at an address that AWS has given and signed. AwsCallError when it can't be had."""
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        verify = self._session.get_config_variable("ca_bundle") or True
        session = URLLib3Session(verify=verify, proxies=get_environ_proxies(url), timeout=_FETCH_WITHIN_S)
        try:
            answer = session.send(AWSRequest("GET", url).prepare())
            body: bytes = answer.content
        except BotoCoreError as error:
            raise translate(error, service="download", operation="get") from error
        finally:
            session.close()
        if answer.status_code != 200:
            text = f"AWS answered {answer.status_code} to a download"
            raise AwsCallError(text, code=str(answer.status_code), operation="get")
        return body

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """All items under `key` of a paginated call."""
        try:
            for page in self._client_with(service, operation).get_paginator(operation).paginate(**parameters):
                yield from Answer(page, operation=operation).get(key) or ()
        except (ClientError, BotoCoreError) as error:
            raise translate(error, service=service, operation=operation) from error
        except AwsRunError:
            raise
        except Exception as error:
            raise unreadable(error, service=service, operation=operation) from error

    def identity(self) -> Identity:
        """The caller's account and region; requested once."""
        if self._identity is None:
            try:
                answer = self.call("sts", "get_caller_identity")
            except CredentialsError as error:
                raise self._not_enabled(error) or error from error.__cause__
            self._identity = Identity(account=answer["Account"], arn=answer["Arn"], region=self.region)
        return self._identity

    def canonical_id(self) -> str:
        """S3's own id of the account, which does not follow from its number; requested once."""
        if self._canonical_id is None:
            self._canonical_id = str(self.call("s3", "list_buckets", MaxBuckets=1)["Owner"]["ID"])
        return self._canonical_id

    def _not_enabled(self, refusal: CredentialsError) -> CredentialsError | None:
        """A region that the account has to enable, and has not, knows none of its keys (Account Management's guide,
        "Specify which Regions your account can use"). None where that is not it, or can't be read."""
        first = partition.of_region(self.region).first_region
        if self.region == first or refusal.code not in UNKNOWN_TO_REGION:
            return None
        try:
            with self._lock:
                self._loader.whole = True
                elsewhere = self._session.create_client("ec2", region_name=first, config=_RETRIES)
            regions = elsewhere.describe_regions(RegionNames=[self.region], AllRegions=True)["Regions"]
        except (ClientError, BotoCoreError, ValueError):
            return None
        if not any(one.get("OptInStatus") == "not-opted-in" for one in regions):
            return None
        return CredentialsError(
            f"The region {self.region} is not enabled in this account, so it does not know these credentials",
            hint=f"`aws account enable-region --region-name {self.region}` enables it (minutes to hours), or pass "
            "another --region",
        )

    def frozen_credentials(self) -> Any:
        """access_key, secret_key and token as of now: botocore refreshes them when they are about to expire."""
        source = self._session.get_credentials()
        if source is None:
            raise translate(NoCredentialsError(), service="s3", operation="sign")
        return source.get_frozen_credentials()

    def _client_with(self, service: str, operation: str) -> Any:
        client = self._client(service)
        return client if hasattr(client, operation) else self._client(service, whole=True)

    def _client(self, service: str, *, whole: bool = False) -> Any:
        """`whole`: with every operation of the service, not the routine ones alone (aws.models)."""
        with self._lock:  # making a client is not thread-safe, using one is
            if (service, whole) not in self._clients:
                self._loader.whole = whole
                self._clients[service, whole] = self._make_client(service)
            return self._clients[service, whole]

    def _make_client(self, service: str) -> Any:
        if self._region_name is None:  # STS would use "aws-global", where nothing can be run
            raise _without_region(has_credentials=self.has_credentials)
        try:
            client = self._session.create_client(
                service,
                region_name=_home(service, self._region_name) or self._region_name,
                config=_IMPATIENT if service in _OPTIONAL else _RETRIES,
            )
        except (BotoCoreError, ValueError) as error:  # ValueError: an invalid AWS_ENDPOINT_URL
            raise translate(error, service=service, operation="client") from None
        client.meta.events.register("before-send", self._count)
        client.meta.events.register("before-send", Reader(client, self._clock, lambda trip: self.on_answer(trip)).send)
        client.meta.events.register("response-received", self._read_time)
        return client

    def _count(self, request: Any, event_name: str, **_: Any) -> None:
        # before-send.<service>.<Operation>
        _name, service, operation = event_name.split(".", 2)
        self._trips.append(RoundTrip(service=service, operation=operation))

    def _read_time(self, response_dict: dict[str, Any] | None = None, **_: Any) -> None:
        date = (response_dict or {}).get("headers", {}).get("date")
        if not date:
            return
        try:
            ahead_s = (parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds()
        except (ValueError, TypeError):
            return  # not a date, or one without a time zone
        self._ahead_s = ahead_s if abs(ahead_s) > _SAME_CLOCK_S else 0.0
