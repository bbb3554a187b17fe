"""Which container instance a task goes to, and what an instance lacks for it. Everything here runs under the lock."""

from __future__ import annotations

from aws_run.local.sim.model import ContainerInstance, Place, Task


class NoInstancesError(Exception):
    """The cluster has no container instance at all."""


def place_or_fail(place: Place, tasks: list[Task]) -> list[dict[str, str]]:
    """Places tasks of launch type EC2 at once; ECS's `failures` for those that fit nowhere."""
    failures: list[dict[str, str]] = []
    for task in tasks:
        rows = [r for r in place.container_instances.values() if r.cluster == task.cluster and r.status == "ACTIVE"]
        if not rows:
            raise NoInstancesError
        shortages = [(row, shortage(place, row, task)) for row in rows]
        fitting = next((row for row, resource in shortages if resource is None), None)
        if fitting is None:
            failures += [{"arn": row.arn, "reason": f"RESOURCE:{resource}"} for row, resource in shortages if resource]
        else:
            assign(place, fitting, task)
    return failures


def assign(place: Place, row: ContainerInstance, task: Task) -> None:
    """Gives the task the instance, and GPUs of it that no other task has."""
    task.instance = row
    taken = {g for t in place.tasks.values() if t.instance is row and t.status != "STOPPED" for g in t.gpu_ids}
    task.gpu_ids = tuple(g for g in row.gpus if g not in taken)[: task.gpu]


def shortage(place: Place, row: ContainerInstance, task: Task) -> str | None:
    """What the instance lacks for the task, in ECS's word for it; None if it fits."""
    if row.status != "ACTIVE":
        return "AGENT"
    there = [t for t in place.tasks.values() if t.instance is row and t.status != "STOPPED"]
    if sum(t.memory_mib for t in there) + task.memory_mib > row.memory_mib:
        return "MEMORY"
    if sum(t.cpu for t in there) + task.cpu > row.cpu:
        return "CPU"
    if sum(len(t.gpu_ids) for t in there) + task.gpu > len(row.gpus):
        return "GPU"
    return None
