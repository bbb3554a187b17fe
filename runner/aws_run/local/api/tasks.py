"""RunTask, StopTask, DescribeTasks and their like, with AWS's refusals. The agent moves the tasks on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any

from aws_run.local.api.describe import container_instance_json, task_json
from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Handler, Table
from aws_run.local.sim.agent import Agent
from aws_run.local.sim.model import Container, Place, Task
from aws_run.local.sim.state import AccountState

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
_TOKEN_LIFE = timedelta(hours=24)


def table(agent: Agent) -> Table:
    api = _Api(agent)
    names = [n for n in dir(api) if n[0].isupper()]
    return {("ecs", name): _locked(getattr(api, name)) for name in names}


def _locked(method: Any) -> Handler:
    def handler(world: AccountState, call: Call) -> Mapping[str, Any]:
        with world.lock:
            return dict(method(world, world.place(call.region), call.params()) or {})

    return handler


class _Api:
    """One method an operation, named as AWS names it."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def RunTask(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        token = p.get("clientToken")
        if token is None:
            return self._run(world, place, cluster, p)
        if len(str(token)) > 64:
            raise Refusal("InvalidParameterException", "clientToken cannot be longer than 64 characters.")
        shape = json.dumps({k: v for k, v in p.items() if k != "clientToken"}, sort_keys=True, default=str)
        known = place.run_tokens.get((cluster.name, str(token)))
        if known is not None:
            before, arns = known
            if before != shape:
                raise Refusal(
                    "ConflictException",
                    f"The request with client token {token} was already used with different parameters. "
                    f"Existing tasks: {', '.join(arns)}",
                )
            return {"tasks": [task_json(place.tasks[a]) for a in arns if a in place.tasks], "failures": []}
        answer = self._run(world, place, cluster, p)
        if answer["tasks"]:
            place.run_tokens[(cluster.name, str(token))] = (shape, [t["taskArn"] for t in answer["tasks"]])
            world.later(_TOKEN_LIFE.total_seconds(), lambda: _forget(place, cluster.name, str(token)))
        return answer

    def _run(self, world: AccountState, place: Place, cluster: Any, p: Params) -> Params:
        definition = self._definition(world, place, p["taskDefinition"])
        launch_type, provider = _target(place, cluster, p)
        fargate = launch_type == "FARGATE" or provider in FARGATE_PROVIDERS
        if fargate and "FARGATE" not in (definition.requires_compatibilities or []):
            raise Refusal("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
        if definition.network_mode == "awsvpc" and not (p.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
            raise Refusal(
                "InvalidParameterException",
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            )
        if definition.network_mode != "awsvpc" and p.get("networkConfiguration"):
            raise Refusal(
                "InvalidParameterException",
                "Network Configuration is not valid for the given networkMode of this task definition.",
            )
        network = (p.get("networkConfiguration") or {}).get("awsvpcConfiguration")
        if network is not None:
            _check_network(world, place, network)
        overrides = p.get("overrides") or {}
        _check_overrides(definition, overrides)
        for role in (
            overrides.get("taskRoleArn") or getattr(definition, "task_role_arn", None),
            overrides.get("executionRoleArn") or getattr(definition, "execution_role_arn", None),
        ):
            if role:
                check_assumable(world, place, role)
        count = int(p.get("count") or 1)
        tags = [dict(t) for t in p.get("tags") or []]
        if p.get("propagateTags") == "TASK_DEFINITION":
            own = {t["key"] for t in tags}
            tags += [dict(t) for t in definition.tags if t["key"] not in own]
        tasks = [
            _new_task(world, place, cluster, definition, p, overrides, fargate, launch_type, provider, network, tags)
            for _ in range(count)
        ]
        if launch_type == "EC2":
            failures = self._agent.place_or_fail(place, tasks)
            if failures:
                return {"tasks": [], "failures": failures}
        for task in tasks:
            place.tasks[task.arn] = task
            self._agent.accept(place, task)
        world.changed.notify_all()
        return {"tasks": [task_json(t) for t in tasks], "failures": []}

    def StopTask(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        task = _task(place, cluster.name, str(p["task"]))
        if task is None:
            raise Refusal("InvalidParameterException", "The referenced task was not found.")
        self._agent.stop(place, task, "UserInitiated", str(p.get("reason") or "Task stopped by user"))
        return {"task": task_json(task)}

    def DescribeTasks(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        wanted = p.get("tasks") or []
        if not wanted:
            raise Refusal("InvalidParameterException", "Tasks cannot be empty.")
        if len(wanted) > 100:
            raise Refusal("InvalidParameterException", "Tasks can have at most 100 items.")
        tags = "TAGS" in (p.get("include") or [])
        tasks, failures = [], []
        for name in wanted:
            task = _task(place, cluster.name, str(name))
            if task is None:
                arn = (
                    str(name)
                    if str(name).startswith("arn:")
                    else world.arn("ecs", place.region, f"task/{cluster.name}/{name}")
                )
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                tasks.append(task_json(task, tags=tags))
        return {"tasks": tasks, "failures": failures}

    def ListTasks(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        desired = p.get("desiredStatus") or "RUNNING"
        rows = [t for t in place.tasks.values() if t.cluster == cluster.name and t.desired == desired]
        if p.get("family"):
            rows = [t for t in rows if t.group == f"family:{p['family']}"]
        if p.get("startedBy"):
            rows = [t for t in rows if t.started_by == p["startedBy"]]
        if p.get("launchType"):
            rows = [t for t in rows if t.launch_type == p["launchType"]]
        if p.get("containerInstance"):
            identity = str(p["containerInstance"]).split("/")[-1]
            rows = [t for t in rows if t.instance and t.instance.id == identity]
        return _page("taskArns", [t.arn for t in rows], p)

    def ListContainerInstances(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        status = p.get("status")
        rows = [c for c in place.container_instances.values() if c.cluster == cluster.name]
        rows = [c for c in rows if (c.status == status if status else c.status != "INACTIVE")]
        return _page("containerInstanceArns", [c.arn for c in rows], p)

    def DescribeContainerInstances(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        wanted = p.get("containerInstances") or []
        if not wanted:
            raise Refusal("InvalidParameterException", "Container instances cannot be empty.")
        found, failures = [], []
        for name in wanted:
            identity = str(name).split("/")[-1]
            rows = [c for c in place.container_instances.values() if c.id == identity and c.cluster == cluster.name]
            if rows:
                found.append(container_instance_json(place, rows[0]))
            else:
                arn = (
                    str(name)
                    if str(name).startswith("arn:")
                    else world.arn("ecs", place.region, f"container-instance/{cluster.name}/{name}")
                )
                failures.append({"arn": arn, "reason": "MISSING"})
        return {"containerInstances": found, "failures": failures}

    def DeregisterContainerInstance(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        identity = str(p["containerInstance"]).split("/")[-1]
        rows = [c for c in place.container_instances.values() if c.id == identity and c.cluster == cluster.name]
        if not rows:
            raise Refusal("InvalidParameterException", "Referenced container instance not found.")
        row = rows[0]
        running = [t for t in place.tasks.values() if t.instance is row and t.status != "STOPPED"]
        if running and not p.get("force"):
            raise Refusal("InvalidParameterException", "Found running tasks on the instance.")
        row.status = "INACTIVE"
        answer = container_instance_json(place, row)
        del place.container_instances[row.arn]
        return {"containerInstance": answer}

    def UpdateContainerInstancesState(self, world: AccountState, place: Place, p: Params) -> Params:
        cluster = active_cluster(world, place, p.get("cluster"))
        ids = {str(n).split("/")[-1] for n in p.get("containerInstances") or []}
        rows = [c for c in place.container_instances.values() if c.id in ids and c.cluster == cluster.name]
        for row in rows:
            row.status = str(p["status"])
        return {"containerInstances": [container_instance_json(place, r) for r in rows], "failures": []}

    def ExecuteCommand(self, world: AccountState, place: Place, p: Params) -> Params:
        raise Refusal(
            "TargetNotConnectedException",
            "The execute command failed due to an internal error. The embedded AWS runs no SSM agent.",
        )

    def _definition(self, world: AccountState, place: Place, name: str) -> Any:
        ecs = world.moto("ecs", place.region)
        family, _, revision = str(name).split("/")[-1].partition(":")
        revisions = ecs.task_definitions.get(family) or {}
        active = [n for n, d in revisions.items() if d.status == "ACTIVE"]
        number = int(revision) if revision.isdigit() else max(active, default=0)
        definition = revisions.get(number)
        if definition is None:
            raise Refusal("ClientException", "TaskDefinition not found.")
        if definition.status != "ACTIVE":
            raise Refusal("ClientException", "TaskDefinition is inactive")
        return definition


def active_cluster(world: AccountState, place: Place, name: Any) -> Any:
    cluster = world.moto("ecs", place.region).clusters.get(str(name or "default").split("/")[-1])
    if cluster is None:
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    if cluster.status == "INACTIVE":
        raise Refusal("ClusterNotFoundException", "The referenced cluster was inactive.")
    return cluster


def check_assumable(world: AccountState, place: Place, arn: str) -> None:
    """ClientException, as ECS says it, for a role that is not there, is too new, or does not trust ECS tasks."""
    name = arn.split("/")[-1]
    roles = list(world.moto("iam", "aws").roles.values())
    role = next((r for r in roles if r.name == name), None)
    ok = role is not None and "ecs-tasks.amazonaws.com" in json.dumps(role.assume_role_policy_document)
    if role is not None and ok:
        created = role.create_date if role.create_date.tzinfo else role.create_date.replace(tzinfo=timezone.utc)
        ok = (world.clock.now() - created).total_seconds() >= world.options.role_propagation_s
    if not ok:
        raise Refusal(
            "ClientException",
            f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role "
            "being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
            "pass this role.",
        )


def _target(place: Place, cluster: Any, p: Params) -> tuple[str, str | None]:
    launch_type, strategy = p.get("launchType"), p.get("capacityProviderStrategy")
    if launch_type and strategy:
        raise Refusal(
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        )
    if launch_type:
        if launch_type not in ("EC2", "FARGATE"):
            raise Refusal("InvalidParameterException", "Launch type should be one of [EC2,FARGATE,EXTERNAL]")
        return str(launch_type), None
    strategy = strategy or cluster.default_capacity_provider_strategy
    if not strategy:
        return "EC2", None
    provider = str(strategy[0]["capacityProvider"]).split("/")[-1]
    if provider not in (cluster.capacity_providers or []):
        raise Refusal(
            "InvalidParameterException",
            f"The specified capacity provider {provider} is not associated with cluster {cluster.name}.",
        )
    if provider not in FARGATE_PROVIDERS and provider not in place.providers:
        raise Refusal("InvalidParameterException", "The specified capacity provider was not found.")
    return "FARGATE" if provider in FARGATE_PROVIDERS else "", provider


def _check_network(world: AccountState, place: Place, network: Params) -> None:
    ec2 = world.moto("ec2", place.region)
    subnets = {s.id for zone in ec2.subnets.values() for s in zone.values()}
    for subnet in network.get("subnets") or []:
        if subnet not in subnets:
            raise Refusal(
                "InvalidParameterException",
                "Error retrieving subnet information for "
                f"[{subnet}]: The subnet ID '{subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
            )
    for group in network.get("securityGroups") or []:
        if ec2.get_security_group_from_id(group) is None:
            raise Refusal(
                "InvalidParameterException",
                "Error retrieving security group information for "
                f"[{group}]: The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)",
            )


def _check_overrides(definition: Any, overrides: Params) -> None:
    names = {c["name"] for c in definition.container_definitions}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            raise Refusal(
                "InvalidParameterException",
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition.",
            )
    if len(json.dumps(overrides)) > 8192:
        raise Refusal("InvalidParameterException", "Container Overrides length must be at most 8192")


def _new_task(
    world: AccountState, place: Place, cluster: Any, definition: Any, p: Params, overrides: Params, fargate: bool,
    launch_type: str, provider: str | None, network: Params | None, tags: list[dict[str, str]],
) -> Task:  # fmt: skip
    identity = world.new_id()
    arn = world.arn("ecs", place.region, f"task/{cluster.name}/{identity}")
    containers = [
        Container(
            name=str(c["name"]),
            arn=world.arn("ecs", place.region, f"container/{cluster.name}/{identity}/{world.new_id()[:8]}"),
            definition=dict(c),
        )
        for c in definition.container_definitions
    ]
    cpu, memory, gpu = needs(definition, overrides)
    attachments = []
    if network is not None:
        attachments.append(
            {
                "id": world.new_id(),
                "type": "ElasticNetworkInterface",
                "status": "PRECREATED",
                "details": [{"name": "subnetId", "value": network["subnets"][0]}],
            }
        )
    return Task(
        id=identity,
        arn=arn,
        cluster=cluster.name,
        cluster_arn=cluster.arn,
        definition=definition_json(definition),
        overrides=overrides,
        containers=containers,
        created_at=world.clock.now(),
        fargate=fargate,
        launch_type="FARGATE" if fargate else (launch_type or "EC2"),
        provider=provider,
        cpu=cpu,
        memory_mib=memory,
        gpu=gpu,
        group=str(p.get("group") or f"family:{definition.family}"),
        started_by=p.get("startedBy"),
        tags=tags,
        network=network,
        enable_execute_command=bool(p.get("enableExecuteCommand")),
        attachments=attachments,
    )


def definition_json(definition: Any) -> Params:
    """What the agent needs of moto's task definition."""
    return {
        "arn": definition.arn,
        "family": definition.family,
        "revision": definition.revision,
        "networkMode": definition.network_mode,
        "volumes": definition.volumes,
        "taskRoleArn": getattr(definition, "task_role_arn", None),
        "executionRoleArn": getattr(definition, "execution_role_arn", None),
        "cpu": definition.cpu,
        "memory": definition.memory,
        "ephemeralStorageGiB": (definition.ephemeral_storage or {}).get("sizeInGiB"),
        "arch": (definition.runtime_platform or {}).get("cpuArchitecture") or "X86_64",
    }


def needs(definition: Any, overrides: Params) -> tuple[int, int, int]:
    """CPU units, MiB and GPUs a task asks of its host."""
    own = {o["name"]: o for o in overrides.get("containerOverrides") or []}
    cpu = memory = gpu = 0
    for container in definition.container_definitions:
        override = own.get(container["name"], {})
        cpu += int(override.get("cpu") or container.get("cpu") or 0)
        memory += int(
            override.get("memoryReservation") or override.get("memory")
            or container.get("memoryReservation") or container.get("memory") or 0
        )  # fmt: skip
        for requirement in override.get("resourceRequirements") or container.get("resourceRequirements") or []:
            gpu += int(requirement["value"]) if requirement["type"] == "GPU" else 0
    task_cpu, task_memory = overrides.get("cpu") or definition.cpu, overrides.get("memory") or definition.memory
    return int(task_cpu or cpu), int(task_memory or memory), gpu


def _task(place: Place, cluster: str, name: str) -> Task | None:
    identity = name.split("/")[-1]
    return next((t for t in place.tasks.values() if t.id == identity and t.cluster == cluster), None)


def _page(key: str, rows: list[str], p: Params) -> Params:
    start, size = int(p.get("nextToken") or 0), int(p.get("maxResults") or 100)
    page: Params = {key: rows[start : start + size]}
    return {**page, "nextToken": str(start + size)} if start + size < len(rows) else page


def _forget(place: Place, cluster: str, token: str) -> None:
    place.run_tokens.pop((cluster, token), None)
