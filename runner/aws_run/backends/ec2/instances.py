"""What a run's instances have used, as EC2 tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends.base import Usage


@dataclass(kw_only=True)
class Billed:
    """What one run's instances are known to have been billed, by instance: EC2 shows an ended one for an hour only."""

    seconds: dict[str, float] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def note(self, instance: Mapping[str, Any], now: datetime) -> None:
        """One whose end EC2 does not date ended when it was first seen so, at the latest."""
        name = str(instance["InstanceId"])
        over = instance["State"]["Name"] in ("terminated", "shutting-down")
        dated = _dated_end(instance) if over else None
        if name not in self.ended or dated is not None:
            self.seconds[name] = max(((dated or now) - instance["LaunchTime"]).total_seconds(), 0.0)
        if over:
            self.ended.add(name)

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())


def usage(aws: Aws, run_id: str, now: datetime, billed: Billed | None = None) -> Usage | None:
    """The run's instances by tag, terminated ones included. None: there is none to see. `billed`: what is known from
    earlier calls, which counts for those that are not shown any more."""
    pages = aws.pages(
        "ec2", "describe_instances", "Reservations", Filters=[{"Name": "tag:aws-run:run", "Values": [run_id]}]
    )
    instances = [instance for reservation in pages for instance in reservation["Instances"]]
    if not instances:
        return None
    billed = billed or Billed()
    for instance in instances:
        billed.note(instance, now)
    return Usage(
        seconds=billed.total_s,
        instance_type=str(instances[0]["InstanceType"]),
        public_ip=any(instance.get("PublicIpAddress") for instance in instances),
    )


def _dated_end(instance: Mapping[str, Any]) -> datetime | None:
    """When a terminated instance stopped billing: EC2 writes it into the reason, "User initiated (2026-11-21 05:28:32
    GMT)"."""
    stop_time = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)", str(instance.get("StateTransitionReason") or ""))
    return datetime.strptime(stop_time[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc) if stop_time else None
