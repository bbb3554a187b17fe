"""Task definitions: moto keeps them, the checks it lacks are here."""

from __future__ import annotations

import json
import re
from typing import Any

from aws_run.local.api.roles import check_pass, role_of
from aws_run.local.api.tag_rules import check_tags
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

_FAMILY = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_GIB = 1024
_MOST_BYTES = 64 * 1024
# CPU units -> the memory sizes in MiB that Fargate has for them (aws-facts §4).
FARGATE: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(n * _GIB for n in range(1, 5)),
    1024: tuple(n * _GIB for n in range(2, 9)),
    2048: tuple(n * _GIB for n in range(4, 17)),
    4096: tuple(n * _GIB for n in range(8, 31)),
    8192: tuple(n * _GIB for n in range(16, 61, 4)),
    16384: tuple(n * _GIB for n in range(32, 121, 8)),
}


def table() -> Table:
    return {
        ("ecs", "RegisterTaskDefinition"): register,
        ("ecs", "DescribeTaskDefinition"): describe,
        ("ecs", "DeleteTaskDefinitions"): delete,
        ("ecs", "ListTaskDefinitionFamilies"): families,
        ("ecs", "ListTagsForResource"): list_tags,
    }


def register(world: AccountState, call: Call) -> Reply:
    p = call.params()
    family = str(p.get("family") or "")
    if not _FAMILY.match(family):
        raise Refusal("ClientException", "Family contains invalid characters.")
    containers = p.get("containerDefinitions") or []
    if not containers:
        raise Refusal("ClientException", "Container list cannot be empty.")
    if not any(container.get("essential", True) for container in containers):
        raise Refusal("ClientException", "A TaskDefinition must have at least one essential container.")
    check_tags(p.get("tags"))
    size = len(json.dumps(p, ensure_ascii=False).encode())
    if size > _MOST_BYTES:  # awsdocs/amazon-ecs-developer-guide#149
        raise Refusal("ClientException", f"Actual length: '{size}'. Max allowed length is '{_MOST_BYTES}' bytes.")
    fargate = "FARGATE" in (p.get("requiresCompatibilities") or [])
    if fargate:
        _check_fargate(p)
    for container in containers:
        _check_container(container, fargate=fargate)
    volumes = {v.get("name") for v in p.get("volumes") or []}
    for container in containers:
        for mount in container.get("mountPoints") or []:
            if mount.get("sourceVolume") not in volumes:
                raise Refusal("ClientException", f"Unknown volume '{mount.get('sourceVolume')}'.")
    _check_roles(world, p, containers)
    return call.proceed()


def describe(world: AccountState, call: Call) -> Reply:
    """moto handles neither a missing family nor a missing revision; AWS has one error for both."""
    name = str(call.params().get("taskDefinition") or "").split("/")[-1]
    family, _, revision = name.partition(":")
    revisions = world.moto("ecs", call.region).task_definitions.get(family) or {}
    active = [n for n, d in revisions.items() if d.status == "ACTIVE"]
    if (revision and int(revision) not in revisions) or (not revision and not active):
        raise Refusal("ClientException", "Unable to describe task definition.")
    return call.proceed()


def delete(world: AccountState, call: Call) -> Params:
    """Deletes INACTIVE definitions; every other one is listed as a failure."""
    ecs = world.moto("ecs", call.region)
    wanted = call.params().get("taskDefinitions") or []
    if len(wanted) > 10:
        raise Refusal("InvalidParameterException", "taskDefinitions can have at most 10 items.")
    gone, failures = [], []
    for name in wanted:
        family, _, revision = str(name).split("/")[-1].partition(":")
        definition = (ecs.task_definitions.get(family) or {}).get(int(revision or 0))
        if definition is None:
            failures.append({"arn": str(name), "reason": "The specified task definition was not found. Specify a valid "
                             "account, family, revision and try again."})  # fmt: skip
        elif definition.status == "ACTIVE":
            failures.append({"arn": definition.arn, "reason": "The specified task definition is still in ACTIVE "
            "status. "
                             "Please deregister the target and try again."})  # fmt: skip
        else:
            del ecs.task_definitions[family][definition.revision]
            gone.append({"taskDefinitionArn": definition.arn, "family": family, "revision": definition.revision,
                         "status": "DELETE_IN_PROGRESS"})  # fmt: skip
    return {"taskDefinitions": gone, "failures": failures}


def list_tags(world: AccountState, call: Call) -> Reply | Params:
    arn = str(call.params().get("resourceArn") or "")
    place = world.place(call.region)
    with world.lock:
        if ":capacity-provider/" in arn:
            provider = place.providers.get(arn.split("/")[-1])
            return {"tags": provider.tags if provider else []}
        if arn in place.tasks:
            return {"tags": place.tasks[arn].tags}
    return call.proceed()


def _check_roles(world: AccountState, p: Params, containers: list[Params]) -> None:
    """ECS looks for the roles when a definition is registered, and asks whether the caller may pass them."""
    execution = p.get("executionRoleArn")
    if not execution:
        if any(container.get("secrets") for container in containers):
            text = "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            raise Refusal("ClientException", text)
        drivers = [(container.get("logConfiguration") or {}).get("logDriver") for container in containers]
        if "FARGATE" in (p.get("requiresCompatibilities") or []) and "awslogs" in drivers:
            text = "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            raise Refusal("ClientException", text)
    for arn in (execution, p.get("taskRoleArn")):
        if arn:
            if role_of(world, str(arn)) is None:
                raise Refusal("ClientException", "Role is not valid")
            check_pass(world, str(arn), action="ecs:RegisterTaskDefinition")


def _check_fargate(p: Params) -> None:
    if p.get("networkMode") != "awsvpc":
        raise Refusal("ClientException", "Fargate only supports network mode 'awsvpc'.")
    if not p.get("cpu"):
        raise Refusal("ClientException", "Fargate requires task definition to have cpu defined at the task level.")
    if not p.get("memory"):
        raise Refusal("ClientException", "Fargate requires that 'memory' be defined at the task level.")
    cpu, memory = _cpu_units(p["cpu"]), _memory_mib(p["memory"])
    if memory not in FARGATE.get(cpu, ()):
        raise Refusal(
            "ClientException", f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
        )
    if any(v.get("host", {}).get("sourcePath") for v in p.get("volumes") or []):
        raise Refusal("ClientException", "host.sourcePath should not be set for volumes in Fargate.")
    size = (p.get("ephemeralStorage") or {}).get("sizeInGiB")
    if size is not None and not 21 <= int(size) <= 200:
        raise Refusal("ClientException", "Ephemeral storage size must be between 21 and 200 GiB.")


def _check_container(container: Params, *, fargate: bool) -> None:
    if fargate:
        timeout = container.get("stopTimeout")
        if timeout is not None and not 2 <= int(timeout) <= 120:
            raise Refusal("ClientException", "Container stopTimeout must be between 2 and 120 seconds on Fargate.")
        if any(r.get("type") == "GPU" for r in container.get("resourceRequirements") or []):
            raise Refusal("ClientException", "Fargate does not support GPU resource requirements.")
        if (container.get("linuxParameters") or {}).get("sharedMemorySize") is not None:
            # AWS's reference of LinuxParameters: not supported for tasks on Fargate.
            raise Refusal("ClientException", "Fargate does not support the parameter sharedMemorySize.")
        log = (container.get("logConfiguration") or {}).get("options") or {}
        awslogs = (container.get("logConfiguration") or {}).get("logDriver") == "awslogs"
        if awslogs and not log.get("awslogs-stream-prefix"):
            raise Refusal("ClientException", "Log driver awslogs requires options: awslogs-stream-prefix")
    options = container.get("logConfiguration") or {}
    if options.get("logDriver") == "awslogs" and "awslogs-group" not in (options.get("options") or {}):
        raise Refusal("ClientException", "Log driver awslogs requires options: awslogs-group")


def _cpu_units(value: Any) -> int:
    match = re.fullmatch(r"\s*([\d.]+)\s*vCPU\s*", str(value), re.IGNORECASE)
    return int(float(match[1]) * 1024) if match else int(value)


def _memory_mib(value: Any) -> int:
    match = re.fullmatch(r"\s*([\d.]+)\s*GB\s*", str(value), re.IGNORECASE)
    return int(float(match[1]) * 1024) if match else int(value)


def families(world: AccountState, call: Call) -> Params:
    """moto lists every family for ever; on AWS `ACTIVE` ones are those that have an active revision."""
    p = call.params()
    status, prefix = str(p.get("status") or "ACTIVE"), str(p.get("familyPrefix") or "")
    known = world.moto("ecs", call.region).task_definitions
    names = sorted(
        family
        for family, revisions in list(known.items())
        if family.startswith(prefix) and (status == "ALL" or _is_active(revisions) == (status == "ACTIVE"))
    )
    start, size = int(p.get("nextToken") or 0), int(p.get("maxResults") or 100)
    page: Params = {"families": names[start : start + size]}
    return {**page, "nextToken": str(start + size)} if start + size < len(names) else page


def _is_active(revisions: Any) -> bool:
    return any(definition.status == "ACTIVE" for definition in revisions.values())
