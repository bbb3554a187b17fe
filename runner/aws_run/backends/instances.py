"""What a run's instances have used, as EC2 tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from datetime import datetime, timezone
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends.base import Usage


def usage(aws: Aws, run_id: str, now: datetime, billed_s: MutableMapping[str, float] | None = None) -> Usage | None:
    """The run's instances by tag, terminated ones included (EC2 shows them for an hour). None: there is none to see.

    `billed_s`, by instance: what an earlier call has put there counts for those that are not shown any more."""
    pages = aws.pages(
        "ec2", "describe_instances", "Reservations", Filters=[{"Name": "tag:aws-run:run", "Values": [run_id]}]
    )
    found = [instance for reservation in pages for instance in reservation["Instances"]]
    if not found:
        return None
    known = {} if billed_s is None else billed_s
    for instance in found:
        known[str(instance["InstanceId"])] = max((_ended(instance, now) - instance["LaunchTime"]).total_seconds(), 0.0)
    return Usage(
        seconds=sum(known.values()),
        instance_type=str(found[0]["InstanceType"]),
        public_ip=any(instance.get("PublicIpAddress") for instance in found),
    )


def _ended(instance: Mapping[str, Any], now: datetime) -> datetime:
    """When a terminated instance stopped billing: EC2 writes it into the reason, "User initiated (2026-11-21 05:28:32
    GMT)"; else now."""
    if instance["State"]["Name"] not in ("terminated", "shutting-down"):
        return now
    said = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)", str(instance.get("StateTransitionReason") or ""))
    return datetime.strptime(said[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc) if said else now
