"""What AWS would have charged so far, by the second and by resource. Tests read it to show that nothing bills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.sim.cpu_credits import surplus_usd
from aws_run.local.sim.hardware import spec_of
from aws_run.local.sim.model import GroupInstance, Task
from aws_run.local.sim.price_set import price_set
from aws_run.local.sim.state import AccountState

_HOUR, _MONTH_HOURS, _MINIMUM_S = Decimal(3600), 730, Decimal(60)
_FREE_IF_RECLAIMED_WITHIN_S = 3600
_FARGATE_FREE_GIB = 20


@frozen
class BillLine:
    """`seconds` from launch to termination (or until now); `open`: it still bills. `resource`: what AWS's bill has it
    under; `region`: where it ran."""

    kind: str
    id: str
    run: str
    detail: str
    seconds: float
    usd: float
    open: bool
    started_at: datetime
    ended_at: datetime | None
    resource: str = ""
    region: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def bill(world: AccountState) -> list[BillLine]:
    with world.lock:
        now = world.clock.now()
        lines: list[BillLine] = []
        for place in world.places():
            tasks = [*place.tasks.values(), *place.past_tasks]
            for instance in place.instances.values():
                lines += _instance_lines(instance, tasks, now, place.region)
            for task in tasks:
                if task.fargate and task.pull_started_at is not None:
                    lines += _task_lines(task, now, place.region)
        return lines


def _instance_lines(instance: GroupInstance, tasks: Sequence[Task], now: datetime, region: str) -> list[BillLine]:
    seconds = ((instance.terminated_at or now) - instance.launched_at).total_seconds()
    billed = _billed(seconds)
    run = instance.tags.get("aws-run:run", "")
    common = {
        "run": run, "seconds": seconds, "open": instance.terminated_at is None, "started_at": instance.launched_at,
        "ended_at": instance.terminated_at, "region": region,
    }  # fmt: skip
    market = "spot" if instance.spot else "on-demand"
    prices = price_set()
    usd = (
        _spot_usd(instance, region, billed) if instance.spot else prices.charged(region, instance.type) * billed / _HOUR
    )
    if instance.reclaimed and seconds < _FREE_IF_RECLAIMED_WITHIN_S:
        usd = Decimal(0)
    lines = [_line("instance", instance.id, f"{instance.type} {market}", usd, common=common, resource=instance.id)]
    ebs = instance.disk_gib * prices.flat(region, "gp3_gb_month") / _MONTH_HOURS * billed / _HOUR
    lines.append(
        _line(
            "volume", instance.id, f"gp3 {instance.disk_gib} GiB", ebs, common=common, resource=_first(instance.volumes)
        )
    )
    if instance.unlimited:
        credit_usd = surplus_usd(
            instance.type,
            spec_of(instance.type).vcpu,
            instance.launched_at,
            instance.terminated_at or now,
            _busy(instance, tasks, now),
        )
        lines.append(_line("cpu-credits", instance.id, "CPU credits", credit_usd, common=common, resource=instance.id))
    if instance.public_ip:
        address = prices.flat(region, "public_ipv4_hour") * billed / _HOUR
        lines.append(
            _line("ipv4", instance.id, "public IPv4", address, common=common, resource=_first(instance.interfaces))
        )
    return lines


def _busy(instance: GroupInstance, tasks: Sequence[Task], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When tasks ran on it."""
    for task in tasks:
        if task.instance is not None and task.instance.instance is instance and task.started_at is not None:
            yield task.started_at, task.execution_stopped_at or task.stopped_at or now


def _spot_usd(instance: GroupInstance, region: str, billed: Decimal) -> Decimal:
    """Each hour of the instance at the price that was in force when that hour of its life began."""
    usd, left, at = Decimal(0), billed, instance.launched_at
    while left > 0:
        part = min(left, _HOUR)
        usd += price_set().spot(region, instance.az, instance.type, at) * part / _HOUR
        left -= part
        at += timedelta(hours=1)
    return usd


def _task_lines(task: Task, now: datetime, region: str) -> list[BillLine]:
    started = task.pull_started_at or now
    seconds = ((task.stopped_at or now) - started).total_seconds()
    billed = _billed(seconds)
    run = next((t["value"] for t in task.tags if t["key"] == "aws-run:run"), "")
    common = {
        "run": run, "seconds": seconds, "open": task.stopped_at is None, "started_at": started,
        "ended_at": task.stopped_at, "region": region,
    }  # fmt: skip
    spot = task.provider == "FARGATE_SPOT"
    arch = "arm64" if task.definition.get("arch") == "ARM64" else "x86_64"
    market, prices = "spot_" if spot else "", price_set()
    processor = prices.flat(region, f"fargate_{market}vcpu_hour", arch)
    memory = prices.flat(region, f"fargate_{market}gb_hour", arch)
    hourly = Decimal(task.cpu) / 1024 * processor + Decimal(task.memory_mib) / 1024 * memory
    detail = f"{task.cpu / 1024:g} vCPU, {task.memory_mib / 1024:g} GB{' spot' if spot else ''}"
    lines = [_line("fargate-task", task.id, detail, billed / _HOUR * hourly, common=common, resource=task.arn)]
    extra_gib = int(task.definition.get("ephemeralStorageGiB") or _FARGATE_FREE_GIB) - _FARGATE_FREE_GIB
    if extra_gib > 0:
        storage = extra_gib * prices.flat(region, "fargate_storage_gb_hour") * billed / _HOUR
        lines.append(
            _line("fargate-storage", task.id, f"{extra_gib} GiB over 20", storage, common=common, resource=task.arn)
        )
    if (task.network or {}).get("assignPublicIp") == "ENABLED":
        address = prices.flat(region, "public_ipv4_hour") * billed / _HOUR
        lines.append(_line("ipv4", task.id, "public IPv4", address, common=common, resource=_interface(task)))
    return lines


def _billed(seconds: float) -> Decimal:
    return max(Decimal(str(seconds)), _MINIMUM_S)


def _interface(task: Task) -> str:
    details = [detail for one in task.attachments for detail in one["details"]]
    return next((str(one["value"]) for one in details if one["name"] == "networkInterfaceId"), "")


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""


def _line(
    kind: str, identity: str, detail: str, usd: Decimal, *, common: dict[str, Any], resource: str = ""
) -> BillLine:
    return BillLine(kind=kind, id=identity, detail=detail, usd=float(usd), resource=resource, **common)
