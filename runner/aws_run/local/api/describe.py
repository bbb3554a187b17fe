"""Tasks and container instances as DescribeTasks and DescribeContainerInstances show them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from aws_run.local.sim.model import Container, ContainerInstance, Place, Task

Json = dict[str, Any]


def task_json(task: Task, *, tags: bool = True) -> Json:
    """Absent values are left out, as AWS leaves them out: a missing exitCode is missing, not 0."""
    return _present(
        {
            "taskArn": task.arn,
            "clusterArn": task.cluster_arn,
            "taskDefinitionArn": task.definition["arn"],
            "lastStatus": task.status,
            "desiredStatus": task.desired,
            "launchType": task.launch_type or "EC2",
            "capacityProviderName": task.provider,
            "platformVersion": "1.4.0" if task.fargate else None,
            "platformFamily": "Linux" if task.fargate else None,
            "containerInstanceArn": task.instance.arn if task.instance else None,
            "availabilityZone": task.instance.instance.az if task.instance else task.zone,
            "cpu": str(task.cpu),
            "memory": str(task.memory_mib),
            "group": task.group,
            "startedBy": task.started_by,
            "overrides": task.overrides,
            "enableExecuteCommand": task.enable_execute_command,
            "createdAt": task.created_at,
            "pullStartedAt": task.pull_started_at,
            "pullStoppedAt": task.pull_stopped_at,
            "startedAt": task.started_at,
            "stoppingAt": task.stopping_at,
            "executionStoppedAt": task.execution_stopped_at,
            "stoppedAt": task.stopped_at,
            "stopCode": task.stop_code,
            "stoppedReason": task.stopped_reason,
            "connectivity": "CONNECTED" if task.status in ("PENDING", "RUNNING") else None,
            "healthStatus": "UNKNOWN",
            # A copy: the answer is written out when the task has moved on.
            "attachments": deepcopy(task.attachments),
            "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
            "ephemeralStorage": {"sizeInGiB": task.definition["ephemeralStorageGiB"] or 20} if task.fargate else None,
            "containers": [container_json(task, c) for c in task.containers],
            "version": task.version,
            "tags": task.tags if tags else None,
        }
    )


def container_json(task: Task, container: Container) -> Json:
    return _present(
        {
            "containerArn": container.arn,
            "taskArn": task.arn,
            "name": container.name,
            "image": container.definition.get("image"),
            "imageDigest": container.image_digest,
            "runtimeId": container.runtime_id,
            "lastStatus": container.status,
            "exitCode": container.exit_code,
            "reason": container.reason,
            "networkBindings": [],
            "networkInterfaces": [],
            "healthStatus": "UNKNOWN",
            "cpu": str(container.definition.get("cpu", 0)),
            "memory": str(container.definition["memory"]) if container.definition.get("memory") else None,
            "gpuIds": list(task.gpu_ids) or None,
            "managedAgents": [_agent_json(task, container)] if task.enable_execute_command else None,
        }
    )


def _agent_json(task: Task, container: Container) -> Json:
    """The agent that ECS puts beside a container for ECS Exec."""
    status = container.status if container.status in ("RUNNING", "STOPPED") else "PENDING"
    started = task.started_at if status == "RUNNING" else None
    return _present({"name": "ExecuteCommandAgent", "lastStatus": status, "lastStartedAt": started})


def container_instance_json(place: Place, row: ContainerInstance) -> Json:
    tasks = [t for t in place.tasks.values() if t.instance is row and t.status != "STOPPED"]
    used_cpu, used_memory = sum(t.cpu for t in tasks), sum(t.memory_mib for t in tasks)
    used_gpus = {g for t in tasks for g in t.gpu_ids}
    return _present(
        {
            "containerInstanceArn": row.arn,
            "ec2InstanceId": row.instance.id,
            "capacityProviderName": row.provider,
            "status": row.status,
            "agentConnected": row.status == "ACTIVE",
            "registeredAt": row.registered_at,
            "runningTasksCount": sum(t.status == "RUNNING" for t in tasks),
            "pendingTasksCount": sum(t.status == "PENDING" for t in tasks),
            "version": 1,
            "versionInfo": {"agentVersion": "1.89.0", "agentHash": "aws-run", "dockerVersion": "DockerVersion: 25.0.6"},
            "registeredResources": _resources(row.cpu, row.memory_mib, row.gpus),
            "remainingResources": _resources(
                row.cpu - used_cpu, row.memory_mib - used_memory, tuple(g for g in row.gpus if g not in used_gpus)
            ),
            "attributes": [
                {"name": "ecs.instance-type", "value": row.instance.type},
                {"name": "ecs.availability-zone", "value": row.instance.az},
                {"name": "ecs.ami-id", "value": row.instance.image_id},
                {"name": "ecs.os-type", "value": "linux"},
            ],
        }
    )


def _resources(cpu: int, memory_mib: int, gpus: tuple[str, ...]) -> list[Json]:
    rows: list[Json] = [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory_mib},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376", "2375", "51678", "51679"]},
    ]
    return [*rows, {"name": "GPU", "type": "STRINGSET", "stringSetValue": list(gpus)}] if gpus else rows


def _present(row: Json) -> Json:
    return {key: value for key, value in row.items() if value is not None}
