"""From a task and its definition to what a runtime starts: command, environment, secrets, mounts, limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_run.local.http.endpoint import CREDENTIALS, METADATA
from aws_run.local.runtime.base import ContainerSpec, Mount, Runtime
from aws_run.local.sim.model import Container, Place, Task
from aws_run.local.sim.state import AccountState


class SecretUnavailable(Exception):
    pass


def container_spec(
    world: AccountState, place: Place, task: Task, container: Container, runtime: Runtime
) -> ContainerSpec:
    """SecretUnavailable when a secret can't be read."""
    definition = container.definition
    override: dict[str, Any] = next(
        (o for o in task.overrides.get("containerOverrides") or [] if o.get("name") == container.name), {}
    )
    environment = {e["name"]: e.get("value", "") for e in definition.get("environment") or []}
    for secret in definition.get("secrets") or []:
        environment[secret["name"]] = _secret(world, place, str(secret["valueFrom"]))
    environment |= {e["name"]: e.get("value", "") for e in override.get("environment") or []}
    environment |= _from_ecs(world, place, task, container, runtime)
    command = override.get("command") or definition.get("command")
    entry_point = definition.get("entryPoint")
    linux = definition.get("linuxParameters") or {}
    return ContainerSpec(
        task_id=task.id,
        name=container.name,
        image=str(definition["image"]),
        entry_point=tuple(entry_point) if entry_point else None,
        command=tuple(command) if command else None,
        environment=environment,
        cpu_units=int(override.get("cpu") or definition.get("cpu") or 0) or (task.cpu if task.fargate else 0),
        memory_mib=int(override.get("memory") or definition.get("memory") or 0) or (task.memory_mib or None),
        mounts=_mounts(world, task, definition),
        user=definition.get("user"),
        working_dir=definition.get("workingDirectory"),
        shm_mib=linux.get("sharedMemorySize"),
        init=bool(linux.get("initProcessEnabled")),
    )


def _from_ecs(world: AccountState, place: Place, task: Task, container: Container, runtime: Runtime) -> dict[str, str]:
    """What the agent sets in every container: where its credentials and metadata are, never keys."""
    base = f"http://{runtime.host}:{world.tasks_port}"
    environment = {
        "AWS_REGION": place.region,
        "AWS_DEFAULT_REGION": place.region,
        "AWS_ENDPOINT_URL": base,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE" if task.fargate else "AWS_ECS_EC2",
        "ECS_CONTAINER_METADATA_URI_V4": f"{base}{METADATA}{task.metadata_id}/{container.name}",
    }
    if task.overrides.get("taskRoleArn") or task.definition["taskRoleArn"]:
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{base}{CREDENTIALS}{task.credentials_id}"
    if task.gpu_ids:
        environment["NVIDIA_VISIBLE_DEVICES"] = ",".join(task.gpu_ids)
    return environment


def _mounts(world: AccountState, task: Task, definition: dict[str, Any]) -> tuple[Mount, ...]:
    volumes = {v["name"]: v for v in task.definition["volumes"] or []}
    return tuple(
        Mount(
            source=_host_path(
                world, task, ((volumes.get(m["sourceVolume"]) or {}).get("host") or {}).get("sourcePath")
            ),
            volume=str(m["sourceVolume"]),
            target=str(m["containerPath"]),
            read_only=bool(m.get("readOnly")),
        )
        for m in definition.get("mountPoints") or []
    )


def _host_path(world: AccountState, task: Task, path: str | None) -> str | None:
    """A path on the task's own host is a folder of the embedded AWS, never one of this machine; made when missing,
    as Docker makes a bind mount's source."""
    if path is None:
        return None
    inside = host_root(world, task).joinpath(*(part for part in Path(path).parts if part not in ("/", "..")))
    inside.mkdir(parents=True, exist_ok=True)
    return str(inside)


def host_root(world: AccountState, task: Task) -> Path:
    return world.hosts.of(task.instance.instance.id if task.instance else task.id)


def _secret(world: AccountState, place: Place, reference: str) -> str:
    """`reference`: a Secrets Manager ARN, with `:json-key:stage:version` at its end or not, or an SSM parameter."""
    if ":secretsmanager:" in reference:
        parts = reference.split(":")
        arn, extra = ":".join(parts[:7]), [*parts[7:], "", "", ""]
        try:
            value = world.moto("secretsmanager", place.region).get_secret_value(arn, extra[2], extra[1])
        except Exception as error:
            raise SecretUnavailable(
                "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve "
                "secret "
                f"from asm: service call has been retried 1 time(s): {error}"
            ) from error
        text = str(value.get("SecretString") or "")
        if not extra[0]:
            return text
        try:
            return str(json.loads(text)[extra[0]])
        except (ValueError, KeyError, TypeError):
            raise SecretUnavailable(
                "unable to pull secrets or registry auth: retrieved secret from Secrets Manager did not contain json "
                f"key {extra[0]}"
            ) from None
    name = reference.split(":parameter", 1)[-1] if reference.startswith("arn:") else reference
    parameter = world.moto("ssm", place.region).get_parameter(name)
    if parameter is None:
        raise SecretUnavailable(
            "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve "
            "secrets from "
            f"ssm: invalid parameters: {name}"
        )
    decrypted = parameter.response_object(True, place.region)
    return str(decrypted["Value"])
