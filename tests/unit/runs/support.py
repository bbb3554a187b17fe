"""A bucket with records, and hypothesis's strategies for records in which every field is set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_type_hints

from hypothesis import strategies as st
from tests.unit.fakes import ACCOUNT, BUCKET, REGION, RUN, START, FakeAws, FakeBucket, FakeClock

from aws_run.clock import iso
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import (
    VERSION,
    AttemptEntry,
    EstimateEntry,
    HardwareEntry,
    LaneEntry,
    LeftBehind,
    LeftFile,
    Outcome,
    RateEntry,
    Receipt,
    ReceiptLine,
    Record,
    ResourceEntry,
    SmallerEntry,
    TaskEntry,
    TaskHandle,
    UsedEntry,
)
from aws_run.runs.record_reader import load
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

KEY = f"runs/{RUN}/run.json"


class Place:
    """One bucket; `client()` is one more machine that works in it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws()
        self.bucket = FakeBucket(self.aws, self.clock)
        self.store = RunStore(self.aws, BUCKET, ACCOUNT)

    @property
    def document(self) -> dict[str, Any]:
        """The record's JSON as it lies in the bucket."""
        document: dict[str, Any] = json.loads(self.bucket.objects[KEY][0])
        return document

    @document.setter
    def document(self, document: dict[str, Any]) -> None:
        """Written by a client of another version."""
        self.aws.call("s3", "put_object", Key=KEY, Body=json.dumps(document).encode())

    @property
    def stored(self) -> Record:
        return load(self.bucket.objects[KEY][0])

    def client(self) -> RecordWriter:
        return RecordWriter.resume(self.store, RUN, self.clock)


def holders(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every JSON object of a record that a later version may add fields to."""
    tasks = document.get("tasks", [])
    attempts = [attempt for task in tasks for attempt in task["attempts"]]
    optional = [document["hardware"], document["outcome"]]
    optional += [attempt[name] for attempt in attempts for name in ("handle", "outcome")]
    yield from (document, *document["resources"], *document["lanes"], *tasks, *attempts)
    there = [holder for holder in optional if holder is not None]
    yield from there
    for left in (holder.get("left_behind") for holder in there):
        if left is not None:
            yield from (left, *left["named"])


TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
UNKNOWN = st.dictionaries(TEXT.map("later_{}".format), JSON, max_size=2)


def every_field_of(value_type: type, **given: Any) -> st.SearchStrategy[Any]:
    """Values with every field set, those with defaults too."""
    given = {"unknown": UNKNOWN, **given}
    texts = {str: TEXT, str | None: st.none() | TEXT, tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple)}
    hints = {name: hint for name, hint in get_type_hints(value_type).items() if name not in given}
    values = {name: texts[hint] if hint in texts else st.from_type(hint) for name, hint in hints.items()}
    return st.builds(value_type, **values, **given)


SECONDS = st.integers(0, 20 * 86_400)
TIMES = SECONDS.map(lambda seconds: iso(START + timedelta(seconds=seconds)))
CODES = st.integers(0, 255)
MONEY = st.decimals(0, 10_000, places=6).map("{:f}".format)
OWN = st.sampled_from(["", "-task", "-exec", "-stop"]).map(f"arun-{RUN}".__add__)
ENTRIES = every_field_of(ResourceEntry, scope=st.just("run"), name=OWN) | every_field_of(
    ResourceEntry, scope=st.just("kept")
)
PLAIN = st.text("abc é(;)", max_size=20).map(str.strip)
COUNTS = st.integers(0, 2**60)
LEFT = every_field_of(
    LeftBehind,
    files=COUNTS,
    bytes=COUNTS,
    named=st.lists(every_field_of(LeftFile, name=st.text("abc é/.", max_size=20), bytes=COUNTS), max_size=3).map(tuple),
)
REASONS = st.sampled_from([(reason, "") for reason in OutcomeReason] + [(OutcomeReason.UNKNOWN, "invented-later")])
OUTCOMES = every_field_of(
    Outcome,
    exit_code=CODES,
    job_exit_code=st.none() | CODES,
    reason=st.just(OutcomeReason.EXIT),
    newer_reason=st.just(""),
    sentence=st.text("abc é(;)", max_size=20).map(str.strip),
    stop_code=st.none() | st.just("UserInitiated"),
    saved_files=st.none() | COUNTS,
    left_behind=st.none() | LEFT,
).flatmap(lambda outcome: REASONS.map(lambda given: replace(outcome, reason=given[0], newer_reason=given[1])))
LANES = every_field_of(
    LaneEntry,
    began_s=st.floats(min_value=0, max_value=86_400),
    ended_s=st.none() | st.floats(min_value=0, max_value=86_400),
    **dict.fromkeys(("name", "how", "text"), PLAIN),
)
ATTEMPTS = every_field_of(
    AttemptEntry,
    number=st.integers(1, 100),
    client_token=st.sampled_from(["", "-2"]).map(f"arun-{RUN}".__add__),
    handle=st.none()
    | every_field_of(TaskHandle, place=st.just(f"arun-{RUN}"), id=st.just(f"arn:aws:ecs:::task/arun-{RUN}/0123")),
    started_at=st.none() | TIMES,
    stopped_at=st.none() | TIMES,
    outcome=st.none() | OUTCOMES,
    billed_s=st.none() | st.floats(min_value=0, max_value=1e9),
)
TASKS = every_field_of(
    TaskEntry,
    index=st.integers(0, 100),
    attempts=st.lists(ATTEMPTS, max_size=3, unique_by=lambda attempt: attempt.number)
    .map(lambda attempts: sorted(attempts, key=lambda attempt: attempt.number))
    .map(tuple),
)
RATES = every_field_of(
    RateEntry,
    usd=MONEY,
    **{name: st.text("abc é.", max_size=20) for name in ("item", "unit", "source", "as_of")},
    **{name: st.none() | st.text("abc é.", max_size=20) for name in ("instance_type", "zone")},
)
HARDWARE = every_field_of(
    HardwareEntry,
    rates=st.lists(RATES, max_size=3).map(tuple),
    spot_max_usd_per_hour=st.none() | MONEY,
    vcpu=st.floats(min_value=0, max_value=1e6),
    usd_per_hour=st.none() | MONEY,
    priced_on=st.none() | st.just("2025-06"),
    price_source=st.none() | st.just("a table"),
    **{name: st.integers(0, 2**40) for name in ("memory_mib", "gpus", "disk_gib")},
)
RECEIPTS = every_field_of(
    Receipt,
    lines=st.lists(
        every_field_of(
            ReceiptLine,
            seconds=MONEY,
            billed_s=MONEY,
            usd_per_hour=st.none() | MONEY,
            usd=st.none() | MONEY,
            resources=st.lists(st.text("abc é.", max_size=20), max_size=2).map(tuple),
            **{name: st.text("abc é.", max_size=20) for name in ("what", "source", "as_of")},
        ),
        max_size=3,
    ).map(tuple),
    total_usd=st.none() | MONEY,
    saved_usd=st.none() | MONEY,
    billed_s=st.none() | MONEY,
)
ESTIMATES = every_field_of(
    EstimateEntry,
    runs=st.integers(1, 1000),
    factor=st.none() | MONEY,
    **dict.fromkeys(("usd", "low_usd", "high_usd", "billed_s"), MONEY),
)
USED = every_field_of(
    UsedEntry,
    samples=st.integers(0, 1000),
    **{name: st.none() | st.integers(0, 100) for name in (
        "peak_memory_bytes", "peak_cpu_percent", "mean_cpu_percent", "peak_gpu_percent", "mean_gpu_percent",
        "peak_gpu_memory_mib",
    )},
)  # fmt: skip
SMALLER = every_field_of(
    SmallerEntry,
    **{name: st.text("abc é.", max_size=20) for name in ("options", "hardware")},
    **dict.fromkeys(("usd", "instead_of_usd"), MONEY),
)
# The values that tell whose the record is, and what no run may exceed, are checked; the others are anybody's.
RECORDS = every_field_of(
    Record,
    receipt=st.none() | RECEIPTS,
    estimate=st.none() | ESTIMATES,
    used=st.none() | USED,
    smaller=st.none() | SMALLER,
    commit=st.none() | PLAIN,
    python=st.none() | PLAIN,
    labels=st.lists(PLAIN, max_size=3).map(tuple),
    note=PLAIN,
    branch=PLAIN,
    tried=st.lists(PLAIN, max_size=3).map(tuple),
    reserved_usd=st.none() | MONEY,
    version=st.just(VERSION),
    run_id=st.just(RUN),
    project=st.just("demo"),
    account=st.just(ACCOUNT),
    region=st.just(REGION),
    backend=st.sampled_from(["", "ec2", "fargate"]),
    origin=st.sampled_from(["cli", "schedule", "a-later-one"]),
    origin_detail=st.sampled_from(["", "nightly"]),
    created_at=st.just(iso(START)),
    deadline=TIMES,
    renewed_at=st.none() | TIMES,
    stopped_at=st.none() | TIMES,
    cost_usd=st.none() | MONEY,
    inputs=st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=2).map(tuple),
    job=st.none() | st.dictionaries(TEXT.map("later_{}".format), JSON, max_size=3),
    hardware=st.none() | HARDWARE,
    resources=st.lists(ENTRIES, max_size=3).map(tuple),
    tasks=st.lists(TASKS, max_size=2, unique_by=lambda task: task.index)
    .map(lambda tasks: sorted(tasks, key=lambda task: task.index))
    .map(tuple),
    outcome=st.none() | OUTCOMES,
    lanes=st.lists(LANES, max_size=3).map(tuple),
)


def version_1(**fields: Any) -> dict[str, Any]:
    """A record as version 1 wrote it, every field set."""
    document: dict[str, Any] = {
        "version": 1,
        "run_id": RUN,
        "project": "demo",
        "account": ACCOUNT,
        "region": REGION,
        "created_at": iso(START),
        "deadline": iso(START + timedelta(hours=2)),
        "client_token": f"arun-{RUN}",
        "cluster": f"arun-{RUN}",
        "state": "stopped",
        "attempt": 3,
        "backend": "ec2",
        "hardware": {
            "backend": "ec2", "description": "m6i.large", "vcpu": 2.0, "memory_mib": 7000, "gpus": 0,
            "instance_types": ["m6i.large"], "spot": True, "disk_gib": 40, "arch": "x86_64",
        },
        "command": "python main.py",
        "image": "i",
        "base_image": "python",
        "inputs": [{"label": "data"}],
        "output_prefix": f"runs/{RUN}/output/",
        "log_group": "/aws-run/demo",
        "log_stream_prefix": "",
        "keep": ["bucket"],
        "owner": "ann",
        "resources": [{"kind": "group", "name": f"arun-{RUN}", "scope": "run", "state": "created", "id": None}],
        "detached": True,
        "capped": True,
        "renewed_at": iso(START),
        "task_arn": "arn:aws:ecs:::task/0123",
        "started_at": iso(START + timedelta(minutes=1)),
        "stopped_at": iso(START + timedelta(minutes=2)),
        "outcome": {"exit_code": 0, "reason": "exit", "sentence": "it finished", "stop_code": None, "job_exit_code": 0},
        "cost_usd": "0.01",
    }  # fmt: skip
    return {**document, **fields}
