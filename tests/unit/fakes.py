"""An AWS that is a script, a clock that moves when it is slept on, and a bucket in a dict."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from aws_run.aws.round_trips import RoundTrip
from aws_run.aws.session import Aws, Identity
from aws_run.backends.base import Backend
from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.backends.fargate.backend import FargateBackend
from aws_run.clock import Clock
from aws_run.config import Config, Input, Resources
from aws_run.data import InputSnapshot
from aws_run.errors import AwsCallError
from aws_run.lifecycle.context import AppContext
from aws_run.pricing import packaged
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.prices import Rate, RegionRates
from aws_run.runs.record import AttemptEntry, HardwareEntry, Record, TaskEntry, TaskHandle
from aws_run.runs.spec import JobSpec, NetworkPlacement, Offer, RunSpec
from aws_run.runs.store import RunStore

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ACCOUNT = "123456789012"
REGION = "us-east-1"
RUN = "demo-20260102-030405-abcd"
BUCKET = f"arun-{ACCOUNT}-{REGION}-an"


SNAPSHOT = InputSnapshot(
    snapshot_key="inputs/demo/data.snapshot.json",
    version_id="v1",
    label="data",
    files=1,
    bytes=1,
    sent_files=0,
    sent_bytes=0,
    deleted_files=0,
    unchanged=True,
)


class FakeClock:
    """`sleep` returns at once, with the time gone by; `slept` is what was asked for."""

    def __init__(self, now: datetime = START) -> None:
        self._start = now
        self.elapsed_s = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed_s += seconds


@dataclass(frozen=True)
class Call:
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)


class FakeAws(Aws):
    """Answers as scripted by `on`; what has no script answers {} (no items, for `pages`). Every call is recorded."""

    def __init__(self, *, account: str = ACCOUNT, region: str = REGION) -> None:
        self._who = Identity(account=account, arn=f"arn:aws:iam::{account}:user/ann", region=region)
        self._script: dict[str, list[Any]] = {}
        self._script_lock = threading.Lock()
        self.calls: list[Call] = []

    def on(self, operation: str, *answers: Any) -> FakeAws:
        """The answers in turn, the last one again and again. An exception is raised, a function is called."""
        self._script[operation] = list(answers)
        return self

    def _next(self, operation: str, parameters: dict[str, Any], default: Any) -> Any:
        with self._script_lock:
            self.calls.append(Call(operation, parameters))
            script = self._script.get(operation)
            if script is None:
                return default
            answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(**parameters) if callable(answer) else answer

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._next(operation, parameters, {})

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        yield from self._next(operation, parameters, ())

    def identity(self) -> Identity:
        return self._who

    @property
    def region(self) -> str:
        return self._who.region

    @property
    def trips(self) -> tuple[RoundTrip, ...]:
        return tuple(RoundTrip(service="", operation=call.operation) for call in self.calls)

    @property
    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of every call of `operation`."""
        return [call.parameters for call in self.calls if call.operation == operation]


def refused(code: str, text: str = "no", operation: str = "Operation") -> AwsCallError:
    return AwsCallError(f"{operation} was refused by AWS: {text} ({code})", code=code, operation=operation)


class FakeBucket:
    """S3's objects with ETags, conditions and times, put behind a FakeAws."""

    def __init__(self, aws: FakeAws, clock: FakeClock) -> None:
        self.objects: dict[str, tuple[bytes, str, datetime]] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self._clock = clock
        self._writes = 0
        self._denied: set[str] = set()
        aws.on("put_object", self._put).on("get_object", self._get).on("delete_object", self._delete)
        aws.on("head_object", self._head).on("list_objects_v2", self._list)

    def _put(
        self, *, Key: str, Body: Any, IfMatch: str | None = None, IfNoneMatch: str | None = None, **more: Any
    ) -> Any:
        held = self.objects.get(Key)
        if (IfNoneMatch == "*" and held) or (IfMatch is not None and (held is None or held[1] != IfMatch)):
            raise refused("PreconditionFailed", operation="PutObject")
        self._writes += 1
        Body = Body if isinstance(Body, bytes) else Body.read()
        etag = f"{hashlib.md5(Body).hexdigest()}-{self._writes}"  # as of an upload in parts: no checksum of the whole
        self.objects[Key] = (Body, etag, self._clock.now())
        self.metadata[Key] = more.get("Metadata", {})
        return {"ETag": etag, **self._dated()}

    def _dated(self) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self._clock.now(), usegmt=True)}}}

    def deny(self, key: str) -> None:
        """From now on `key` can't be read."""
        self._denied.add(key)

    def _get(self, *, Key: str, Range: str | None = None, IfMatch: str | None = None, **_: Any) -> Any:
        if Key in self._denied:
            raise refused("AccessDenied", operation="GetObject")
        if Key not in self.objects:
            raise refused("NoSuchKey", operation="GetObject")
        body, etag, _written = self.objects[Key]
        if IfMatch not in (None, etag):
            raise refused("PreconditionFailed", operation="GetObject")
        if Range is not None:
            first, last = Range.removeprefix("bytes=").split("-")
            if not body or (first and int(first) >= len(body)):
                raise refused("InvalidRange", operation="GetObject")
            body = body[int(first) : int(last) + 1] if first else body[-int(last) :]
        return {"Body": io.BytesIO(body), "ETag": etag, **self._dated()}

    def _head(self, *, Key: str, **_: Any) -> Any:
        if Key not in self.objects:
            raise refused("404", operation="HeadObject")
        body, etag, written = self.objects[Key]
        return {
            "LastModified": written, "ETag": etag, "Metadata": self.metadata[Key], "ContentLength": len(body),
        }  # fmt: skip

    def _delete(self, *, Key: str, IfMatch: str | None = None, **_: Any) -> Any:
        if IfMatch is not None and Key in self.objects and self.objects[Key][1] != IfMatch:
            raise refused("PreconditionFailed", operation="DeleteObject")
        self.objects.pop(Key, None)
        return {}

    def _list(self, *, Prefix: str, Delimiter: str | None = None, **_: Any) -> Any:
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        if Delimiter is None:
            return [{"Key": key, "Size": len(self.objects[key][0]), "ETag": self.objects[key][1]} for key in keys]
        cut = {key[: key.index(Delimiter, len(Prefix)) + 1] for key in keys if Delimiter in key[len(Prefix) :]}
        return [{"Prefix": prefix} for prefix in sorted(cut)]


class Events(list[Any]):
    """What was emitted, from any thread."""

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def emit(self) -> Callable[[Any], None]:
        return self.append


class FakeAccount:
    """A scripted account with a bucket of runs, and the context of a terminal in which nothing is built or sent."""

    def __init__(self, aws: FakeAws | None = None) -> None:
        self.aws, self.clock, self.events = aws or FakeAws(), FakeClock(), Events()
        self.bucket = FakeBucket(self.aws, self.clock)
        self.store = RunStore(self.aws, BUCKET, ACCOUNT)
        self.context = AppContext(
            aws=self.aws,
            clock=self.clock,
            emit=self.events.emit,
            backends=backends(self.aws, self.clock),
            builder=lambda: pytest.fail("nothing is built"),
            storage=lambda _: pytest.fail("no data moves"),
            salt=lambda: "ab12",
        )


def record(*, attempt: int = 1, task_arn: str | None = None, started_at: str | None = None, **changes: Any) -> Record:
    """A record at its first attempt, or at `attempt`, which `task_arn` names where it was accepted."""
    values: dict[str, Any] = {
        "run_id": RUN,
        "project": "demo",
        "account": ACCOUNT,
        "region": REGION,
        "created_at": "2026-01-02T03:04:05Z",
        "deadline": "2026-01-02T05:04:05Z",
        "backend": "ec2",
    }
    made = Record(**{**values, **changes})
    begun = AttemptEntry(
        number=attempt,
        client_token=made.client_token(attempt),
        handle=None if task_arn is None else TaskHandle(id=task_arn, place=made.cluster),
        started_at=started_at,
    )
    return made if "tasks" in changes else replace(made, tasks=(TaskEntry(attempts=(begun,)),))


def backends(aws: Aws, clock: Clock) -> dict[str, Backend]:
    return {"ec2": ec2_backend(aws, clock), "fargate": fargate_backend(aws, clock)}


@dataclass(frozen=True)
class PackagedMarket:
    """A catalogue and prices that ask nobody: the packaged table's, whose types are in every zone that there is."""

    region: str = REGION
    note: str | None = None
    spot_share: Decimal | None = None  # of the on-demand price; None: nobody knows a spot price

    def types(self, wanted: Resources) -> tuple[InstanceType, ...]:
        return packaged.load().types

    def zones(self, names: Collection[str]) -> dict[str, frozenset[str]]:
        return {name: frozenset(f"{self.region}{letter}" for letter in "abcdef") for name in names}

    def region_rates(self) -> RegionRates:
        return packaged.load().region_rates(self.region)

    def on_demand(self, names: Collection[str]) -> dict[str, Rate]:
        table = packaged.load()
        return {name: rate for name in names if (rate := table.on_demand(name, self.region)) is not None}

    def spot(self, names: Collection[str]) -> dict[tuple[str, str], Rate]:
        if self.spot_share is None:
            return {}
        return {
            (name, f"{self.region}{letter}"): replace(rate, usd=rate.usd * self.spot_share)
            for name, rate in self.on_demand(names).items()
            for letter in "ab"
        }


def ec2_backend(aws: Aws, clock: Clock) -> Ec2Backend:
    return Ec2Backend(aws, clock, catalogue=PackagedMarket(), prices=PackagedMarket())


def fargate_backend(aws: Aws, clock: Clock) -> FargateBackend:
    return FargateBackend(aws, clock, prices=PackagedMarket())


def config(**changes: Any) -> Config:
    """A section may be given as a mapping."""
    values = {"project_dir": Path("/project"), "name": "demo", "inputs": (Input(place="/data"),), **changes}
    return _CONFIG.validate_python(values)


_CONFIG = TypeAdapter(Config)


def job(**changes: Any) -> JobSpec:
    """`changes` as in a Config."""
    return JobSpec.from_config(config(**changes))


def spec(**changes: Any) -> RunSpec:
    hardware = HardwareEntry(
        backend="ec2", description="m6i.large", vcpu=2, memory_mib=7000, instance_types=("m6i.large",), disk_gib=40
    )
    network = NetworkPlacement(subnets=("subnet-1",), zones=("us-east-1a",), security_groups=(), public_ip=True)
    values: dict[str, Any] = {
        "run_id": RUN,
        "account": ACCOUNT,
        "region": REGION,
        "bucket": BUCKET,
        "job": job(),
        "offer": Offer(network=network, hardware=hardware, machine_image="ami-1"),
        "execution_role": f"arn:aws:iam::{ACCOUNT}:role/aws-run/arun-demo-{REGION}-execution",
        "task_role_arn": f"arn:aws:iam::{ACCOUNT}:role/aws-run/arun-{RUN}-task",
        "tags": {"aws-run:run": RUN},
        "created_at": START,
        "deadline": START + timedelta(hours=2),
        "timeout_s": 7200,
    }
    return RunSpec(**{**values, **changes})
