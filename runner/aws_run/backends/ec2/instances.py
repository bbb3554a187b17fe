"""What a run's instances have used, as EC2 tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends.base import Usage
from aws_run.pricing.receipt import MachineUse

_TAKEN_BACK = "Server.SpotInstanceTermination"  # the code of a StateReason


@dataclass(kw_only=True)
class Billed:
    """What one run's instances are known to have been billed, by instance: EC2 shows an ended one for an hour only."""

    machines: dict[str, MachineUse] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def note(self, instance: Mapping[str, Any], now: datetime, *, public_ip: bool) -> None:
        """One whose end EC2 does not date ended when it was first seen so, at the latest. `public_ip`: whether one had
        an address that is first seen when it has ended, and has none any more."""
        name = str(instance["InstanceId"])
        over = instance["State"]["Name"] in ("terminated", "shutting-down")
        dated = _dated_end(instance) if over else None
        before = self.machines.get(name)
        if before is None or name not in self.ended or dated is not None:
            seconds = max(((dated or now) - instance["LaunchTime"]).total_seconds(), 0.0)
        else:
            seconds = before.seconds
        self.machines[name] = MachineUse(
            seconds=seconds,
            instance_type=str(instance["InstanceType"]),
            zone=instance.get("Placement", {}).get("AvailabilityZone"),
            spot=instance.get("InstanceLifecycle") == "spot",
            public_ip=bool(instance.get("PublicIpAddress")) or (over and (before.public_ip if before else public_ip)),
            id=name,
            volumes=_ids(instance, "BlockDeviceMappings", "Ebs", "VolumeId") or (before.volumes if before else ()),
            interfaces=_ids(instance, "NetworkInterfaces", "NetworkInterfaceId")
            or (before.interfaces if before else ()),
            reclaimed=instance.get("StateReason", {}).get("Code") == _TAKEN_BACK,
        )
        if over:
            self.ended.add(name)


def usage(
    aws: Aws, run_id: str, now: datetime, billed: Billed | None = None, *, public_ip: bool = True
) -> Usage | None:
    """The run's instances by tag, terminated ones included. None: none is known. `billed`: what is known from earlier
    calls, which counts for those that are not shown any more."""
    pages = aws.pages(
        "ec2", "describe_instances", "Reservations", Filters=[{"Name": "tag:aws-run:run", "Values": [run_id]}]
    )
    billed = billed or Billed()
    for reservation in pages:
        for instance in reservation["Instances"]:
            billed.note(instance, now, public_ip=public_ip)
    if not billed.machines:
        return None
    machines = tuple(billed.machines.values())
    return Usage(
        seconds=sum(machine.seconds for machine in machines),
        machines=machines,
        public_ip=any(machine.public_ip for machine in machines),
    )


def _ids(instance: Mapping[str, Any], members: str, *path: str) -> tuple[str, ...]:
    """Those of an instance that has ended are not shown any more."""
    listed: list[Any] = list(instance.get(members) or ())
    for name in path:
        listed = [one.get(name) for one in listed if isinstance(one, Mapping)]
    return tuple(sorted(str(one) for one in listed if one))


def _dated_end(instance: Mapping[str, Any]) -> datetime | None:
    """When a terminated instance stopped billing: EC2 writes it into the reason, "User initiated (2026-11-21 05:28:32
    GMT)"."""
    stop_time = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)", str(instance.get("StateTransitionReason") or ""))
    return datetime.strptime(stop_time[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc) if stop_time else None
