"""What ECS serves to tasks: their role's credentials and their own metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timezone
from typing import Any

from aws_run.local.api.describe import container_json, task_json
from aws_run.local.http.protocol import Reply
from aws_run.local.sim.model import Task
from aws_run.local.sim.state import AccountState

CREDENTIALS, METADATA = "/v2/credentials/", "/v4/"  # as ECS has them


def page(world: AccountState, path: str) -> Reply | None:
    """The pages that a task may read without a signature; None for every other path."""
    if path.startswith(CREDENTIALS):
        return task_credentials(world, path[len(CREDENTIALS) :])
    if path.startswith(METADATA):
        identity, _, rest = path[len(METADATA) :].partition("/")
        container, _, rest = rest.partition("/")
        return metadata(world, identity, container, rest)
    return None


def task_credentials(world: AccountState, credentials_id: str) -> Reply:
    """Temporary credentials of a task's role, in the form ECS gives them."""
    with world.lock:
        match = _find(world, lambda task: task.credentials_id == credentials_id)
        if match is None:
            return as_json({"code": "InvalidIdInRequest", "message": "CredentialsV2Request: ID not found"}, status=400)
        region, task = match
        arn = str(task.overrides.get("taskRoleArn") or task.definition["taskRoleArn"])
        role = world.moto("sts", world.partition).assume_role(
            region_name=region, role_session_name=task.id, role_arn=arn, policy="", duration=21600, external_id=""
        )
        # moto keeps whose role it is; what proves it is ours: its own come from a generator that can be guessed.
        session = world.keys.new_session(arn.split("/")[-1])
        role.access_key_id, role.session_token = session.access_key, session.token
        role.secret_access_key = session.secret_key
        return as_json(
            {
                "RoleArn": arn,
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret_key,
                "Token": session.token,
                "Expiration": role.expiration.replace(tzinfo=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )


def metadata(world: AccountState, metadata_id: str, container: str, rest: str) -> Reply:
    """The task metadata endpoint, version 4: the container at its root, the task under /task."""
    with world.lock:
        match = _find(world, lambda task: task.metadata_id == metadata_id)
        if match is None:
            return as_json({"error": "task not found"}, status=404)
        _, task = match
        if rest in ("stats", "task/stats"):
            return as_json({})
        if rest in ("task", "taskWithTags"):
            return as_json(_task_metadata(task))
        row = next((c for c in task.containers if c.name == container), None)
        return as_json(_container_metadata(task, row.name)) if row else as_json({"error": "no container"}, status=404)


def as_json(value: Mapping[str, Any] | list[Any], status: int = 200) -> Reply:
    return Reply(
        status=status, headers=(("Content-Type", "application/json"),), body=json.dumps(value, default=str).encode()
    )


def _find(world: AccountState, wanted: Any) -> tuple[str, Task] | None:
    for place in world.places():
        for task in place.tasks.values():
            if wanted(task):
                return place.region, task
    return None


def _task_metadata(task: Task) -> dict[str, Any]:
    row = task_json(task)
    return {
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": task.definition["family"],
        "Revision": str(task.definition["revision"]),
        "DesiredStatus": task.desired,
        "KnownStatus": task.status,
        "Limits": {"CPU": task.cpu / 1024, "Memory": task.memory_mib},
        "PullStartedAt": row.get("pullStartedAt"),
        "PullStoppedAt": row.get("pullStoppedAt"),
        "AvailabilityZone": row.get("availabilityZone", ""),
        "LaunchType": task.launch_type or "EC2",
        "Containers": [_container_metadata(task, c.name) for c in task.containers],
    }


def _container_metadata(task: Task, name: str) -> dict[str, Any]:
    container = next(c for c in task.containers if c.name == name)
    row = container_json(task, container)
    return {
        "DockerId": row.get("runtimeId", ""),
        "Name": name,
        "DockerName": name,
        "Image": row.get("image"),
        "ImageID": row.get("imageDigest", ""),
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": name,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": task.definition["family"],
            "com.amazonaws.ecs.task-definition-version": str(task.definition["revision"]),
        },
        "DesiredStatus": task.desired,
        "KnownStatus": container.status,
        "Limits": {"CPU": int(container.definition.get("cpu") or 0), "Memory": task.memory_mib},
        "Type": "NORMAL",
        "ContainerARN": container.arn,
    }
