"""What AWS would have charged so far, by the second and by resource. Tests read it to show that nothing bills."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aws_run.local.sim.hardware import spec_of
from aws_run.local.sim.model import GroupInstance, Task
from aws_run.local.sim.state import AccountState
from aws_run.pricing.table import BY_NAME

# A type that the tool's own table lacks is priced by its size; good enough for an oracle, no price list.
_PER_VCPU, _PER_GIB, _PER_GPU = 0.034, 0.0035, 0.60
_SPOT = 0.35
_FARGATE_VCPU, _FARGATE_GIB, _FARGATE_SPOT = 0.04048, 0.004445, 0.3
_EBS_GIB_MONTH, _IPV4 = 0.08, 0.005
_HOUR, _MONTH, _MINIMUM_S = 3600.0, 730 * 3600.0, 60.0


@dataclass(frozen=True, kw_only=True)
class BillLine:
    """`seconds` from launch to termination (or until now); `open`: it still bills."""

    kind: str
    id: str
    run: str
    detail: str
    seconds: float
    usd: float
    open: bool
    started_at: datetime
    ended_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def bill(world: AccountState) -> list[BillLine]:
    with world.lock:
        now = world.clock.now()
        lines: list[BillLine] = []
        for place in world.places():
            for instance in place.instances.values():
                lines += _instance_lines(instance, now)
            for task in [*place.tasks.values(), *place.past_tasks]:
                if task.fargate and task.pull_started_at is not None:
                    lines += _task_lines(task, now)
        return lines


def hourly_usd(instance_type: str, *, spot: bool) -> float:
    known = BY_NAME.get(instance_type)
    price = float(known.usd_per_hour) if known and known.usd_per_hour is not None else None
    if price is None:
        spec = spec_of(instance_type)
        price = spec.vcpu * _PER_VCPU + spec.memory_mib / 1024 * _PER_GIB + spec.gpus * _PER_GPU
    return price * _SPOT if spot else price


def _instance_lines(instance: GroupInstance, now: datetime) -> list[BillLine]:
    seconds = ((instance.terminated_at or now) - instance.launched_at).total_seconds()
    billed = max(seconds, _MINIMUM_S)
    run = instance.tags.get("aws-run:run", "")
    common = {
        "run": run, "seconds": seconds, "open": instance.terminated_at is None, "started_at": instance.launched_at,
        "ended_at": instance.terminated_at,
    }  # fmt: skip
    market = "spot" if instance.spot else "on-demand"
    hourly = hourly_usd(instance.type, spot=instance.spot)
    lines = [_line("instance", instance.id, f"{instance.type} {market}", billed / _HOUR * hourly, common)]
    ebs = instance.disk_gib * _EBS_GIB_MONTH * billed / _MONTH
    lines.append(_line("volume", instance.id, f"gp3 {instance.disk_gib} GiB", ebs, common))
    if instance.public_ip:
        lines.append(_line("ipv4", instance.id, "public IPv4", billed / _HOUR * _IPV4, common))
    return lines


def _task_lines(task: Task, now: datetime) -> list[BillLine]:
    started = task.pull_started_at or now
    seconds = ((task.stopped_at or now) - started).total_seconds()
    billed = max(seconds, _MINIMUM_S)
    run = next((t["value"] for t in task.tags if t["key"] == "aws-run:run"), "")
    common = {
        "run": run, "seconds": seconds, "open": task.stopped_at is None, "started_at": started,
        "ended_at": task.stopped_at,
    }  # fmt: skip
    spot = task.provider == "FARGATE_SPOT"
    hourly = (task.cpu / 1024 * _FARGATE_VCPU + task.memory_mib / 1024 * _FARGATE_GIB) * (_FARGATE_SPOT if spot else 1)
    detail = f"{task.cpu / 1024:g} vCPU, {task.memory_mib / 1024:g} GB{' spot' if spot else ''}"
    lines = [_line("fargate-task", task.id, detail, billed / _HOUR * hourly, common)]
    if (task.network or {}).get("assignPublicIp") == "ENABLED":
        lines.append(_line("ipv4", task.id, "public IPv4", billed / _HOUR * _IPV4, common))
    return lines


def _line(kind: str, identity: str, detail: str, usd: float, common: dict[str, Any]) -> BillLine:
    return BillLine(kind=kind, id=identity, detail=detail, usd=usd, **common)
