"""RunTask, StopTask, DescribeTasks and their like, with AWS's refusals. The agent moves the tasks on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.api import sessions
from aws_run.local.api.describe import container_instance_json, task_json
from aws_run.local.api.roles import check_pass
from aws_run.local.api.tag_rules import check_tags
from aws_run.local.api.task_checks import (
    FARGATE_PROVIDERS,
    active_cluster,
    check_assumable,
    check_counts,
    check_network,
    check_overrides,
    needs,
    target_of,
)
from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Handler, Table
from aws_run.local.sim.agent import Agent
from aws_run.local.sim.model import Container, Place, Task
from aws_run.local.sim.placement import NoInstancesError, place_or_fail
from aws_run.local.sim.state import AccountState
from aws_run.local.testing.launch_failures import MESSAGES

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
        check_counts(p)
        check_tags(p.get("tags"))
        definition = self._definition(world, place, p["taskDefinition"])
        launch_type, provider = target_of(place, cluster, p)
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
            check_network(world, place, network, fargate=fargate)
        overrides = p.get("overrides") or {}
        check_overrides(definition, overrides)
        for role in (
            overrides.get("taskRoleArn") or getattr(definition, "task_role_arn", None),
            overrides.get("executionRoleArn") or getattr(definition, "execution_role_arn", None),
        ):
            if role:
                check_pass(world, role, action="ecs:RunTask")
                check_assumable(world, role)
        if fargate and world.shortages.take_fargate(provider or "FARGATE", accepted=False):
            return {"tasks": [], "failures": [{"reason": MESSAGES["NotAccepted"]}]}
        count = int(p.get("count") or 1)
        tags = [dict(t) for t in p.get("tags") or []]
        if p.get("propagateTags") == "TASK_DEFINITION":
            own = {t["key"] for t in tags}
            tags += [dict(t) for t in definition.tags if t["key"] not in own]
        target = _Target(fargate=fargate, launch_type=launch_type, provider=provider)
        tasks = [
            _new_task(world, place, cluster, definition=definition, target=target, tags=tags, request=p)
            for _ in range(count)
        ]
        if launch_type == "EC2":
            try:
                failures = place_or_fail(place, tasks)
            except NoInstancesError:
                text = "No Container Instances were found in your cluster."
                raise Refusal("InvalidParameterException", text) from None
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
        shown, failures = [], []
        for name in wanted:
            identity = str(name).split("/")[-1]
            rows = [c for c in place.container_instances.values() if c.id == identity and c.cluster == cluster.name]
            if rows:
                shown.append(container_instance_json(place, rows[0]))
            else:
                arn = (
                    str(name)
                    if str(name).startswith("arn:")
                    else world.arn("ecs", place.region, f"container-instance/{cluster.name}/{name}")
                )
                failures.append({"arn": arn, "reason": "MISSING"})
        return {"containerInstances": shown, "failures": failures}

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
        cluster = active_cluster(world, place, p.get("cluster"))
        task = _task(place, cluster.name, str(p["task"]))
        if task is None:
            raise Refusal("InvalidParameterException", "The referenced task was not found.")
        return sessions.execute(world, self._agent, task, p)

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


@frozen
class _Target:
    """Where a task is to run."""

    fargate: bool
    launch_type: str
    provider: str | None


def _new_task(
    world: AccountState,
    place: Place,
    cluster: Any,
    *,
    definition: Any,
    target: _Target,
    tags: list[dict[str, str]],
    request: Params,
) -> Task:
    overrides = request.get("overrides") or {}
    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration")
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
                "details": [
                    {"name": "subnetId", "value": network["subnets"][0]},
                    {"name": "networkInterfaceId", "value": f"eni-{world.new_id(17)}"},
                ],
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
        fargate=target.fargate,
        launch_type="FARGATE" if target.fargate else (target.launch_type or "EC2"),
        provider=target.provider,
        cpu=cpu,
        memory_mib=memory,
        gpu=gpu,
        group=str(request.get("group") or f"family:{definition.family}"),
        started_by=request.get("startedBy"),
        tags=tags,
        network=network,
        enable_execute_command=bool(request.get("enableExecuteCommand")),
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


def _task(place: Place, cluster: str, name: str) -> Task | None:
    identity = name.split("/")[-1]
    return next((t for t in place.tasks.values() if t.id == identity and t.cluster == cluster), None)


def _page(key: str, rows: list[str], p: Params) -> Params:
    start, size = int(p.get("nextToken") or 0), int(p.get("maxResults") or 100)
    page: Params = {key: rows[start : start + size]}
    return {**page, "nextToken": str(start + size)} if start + size < len(rows) else page


def _forget(place: Place, cluster: str, token: str) -> None:
    place.run_tokens.pop((cluster, token), None)
