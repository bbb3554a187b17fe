"""What a run's instances have used, as EC2 tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends.base import Usage


def usage(aws: Aws, run_id: str, now: datetime) -> Usage | None:
    """The run's instances by tag, terminated ones included (EC2 shows them for an hour). None: none was launched."""
    pages = aws.pages(
        "ec2", "describe_instances", "Reservations", Filters=[{"Name": "tag:aws-run:run", "Values": [run_id]}]
    )
    instances = [instance for reservation in pages for instance in reservation["Instances"]]
    if not instances:
        return None
    seconds = sum((_ended(instance, now) - instance["LaunchTime"]).total_seconds() for instance in instances)
    return Usage(
        seconds=max(seconds, 0.0),
        instance_type=str(instances[0]["InstanceType"]),
        public_ip=any(instance.get("PublicIpAddress") for instance in instances),
    )


def _ended(instance: Mapping[str, Any], now: datetime) -> datetime:
    """When a terminated instance stopped billing: EC2 writes it into the reason, "User initiated (2026-11-21 05:28:32
    GMT)"; else now."""
    if instance["State"]["Name"] not in ("terminated", "shutting-down"):
        return now
    stop_time = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)", str(instance.get("StateTransitionReason") or ""))
    return datetime.strptime(stop_time[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc) if stop_time else now
