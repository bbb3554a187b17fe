"""EventBridge Scheduler's one-shots: `at(…)` schedules fire on the world's clock and make the AWS call they name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

from aws_run.local.api.roles import can_be_assumed, check_pass
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

Invoke = Callable[[str, str, str, Params], Any]  # region, service, operation, parameters
_AT = re.compile(r"^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$")
_UNIVERSAL = re.compile(r"^arn:aws[a-z-]*:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<operation>[A-Za-z]+)$")


class Schedules:
    """`invoke` makes an AWS call from inside, as the schedule's role would."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        self._armed: dict[str, str] = {}  # ARN -> what it was armed with

    def table(self) -> Table:
        # Scheduler speaks REST: no operation is named, so every call that may change something is looked at.
        return {("scheduler", ""): self.changed}

    def changed(self, world: AccountState, call: Call) -> Reply:
        if call.method in ("POST", "PUT") and call.path.startswith("/schedules/"):
            _check(world, call)
        reply = call.proceed()
        if call.method != "GET":
            for group in list(world.moto("scheduler", call.region).schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    self._arm(world, call.region, schedule)
        return reply

    def _arm(self, world: AccountState, region: str, schedule: Any) -> None:
        shape = f"{schedule.schedule_expression} {schedule.schedule_expression_timezone} {schedule.state}"
        if self._armed.get(schedule.arn) == shape:
            return
        self._armed[schedule.arn] = shape
        moment = fires_at(schedule.schedule_expression, schedule.schedule_expression_timezone)
        if moment is not None and schedule.state == "ENABLED":
            world.clock.at(moment, lambda: self._fire(world, region, schedule, shape))

    def _fire(self, world: AccountState, region: str, schedule: Any, shape: str) -> None:
        group = world.moto("scheduler", region).schedule_groups.get(schedule.group_name)
        if (
            group is None
            or group.schedules.get(schedule.name) is not schedule
            or self._armed.get(schedule.arn) != shape
        ):
            return
        target = schedule.target
        match = _UNIVERSAL.match(target["Arn"])
        try:
            if match is not None:
                name = match["operation"]
                parameters = _lower(json.loads(target.get("Input") or "{}"), match["service"])
                self._invoke(region, match["service"], name[0].upper() + name[1:], parameters)
            elif ":ecs:" in target["Arn"] and "EcsParameters" in target:
                self._invoke(region, "ecs", "RunTask", _run_task(target))
        except Refusal as refusal:
            # AWS tells nobody that a target refused the call; tests read the refusal here.
            world.refused_targets.append(f"{schedule.name}: {refusal}")
        if schedule.action_after_completion == "DELETE":
            group.schedules.pop(schedule.name, None)


def fires_at(expression: str, zone: str | None) -> datetime | None:
    """When an `at(…)` expression fires; None for rates and crons, which the embedded AWS does not fire."""
    match = _AT.match(expression)
    if match is None:
        return None
    local = datetime.fromisoformat(match[1]).replace(tzinfo=ZoneInfo(zone or "UTC"))
    return local.astimezone(timezone.utc)


def _check(world: AccountState, call: Call) -> None:
    body = json.loads(call.body or b"{}")
    expression = str(body.get("ScheduleExpression", ""))
    if not re.match(r"^(at|rate|cron)\(.+\)$", expression):
        raise Refusal("ValidationException", f"Invalid Schedule Expression {expression}.")
    target = body.get("Target") or {}
    _check_target(str(target.get("Arn", "")), str(target.get("Input") or "{}"))
    role = str(target.get("RoleArn", ""))
    if not re.match(r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", role):
        raise Refusal("ValidationException", f"RoleArn {role} is not a role's ARN.")
    check_pass(world, role, action="scheduler:CreateSchedule")
    if not can_be_assumed(world, role, "scheduler.amazonaws.com"):
        raise Refusal(
            "ValidationException",
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        )


def _check_target(arn: str, text: str) -> None:
    """A universal target names an API of AWS, and its input the API's own members, in PascalCase."""
    match = _UNIVERSAL.match(arn)
    if match is None:
        return
    operation = _operation(match["service"], match["operation"])
    if operation is None:
        raise Refusal("ValidationException", f"Target {arn} is not supported: there is no such API.")
    try:
        given = json.loads(text)
    except ValueError:
        raise Refusal("ValidationException", "Input is not valid JSON.") from None
    shape = operation.input_shape
    required = [name[0].upper() + name[1:] for name in (shape.required_members if shape else ())]
    missing = [name for name in required if not isinstance(given, dict) or name not in given]
    if missing:
        raise Refusal(
            "ValidationException",
            f"The request body is missing the following field(s): {', '.join(missing)}",
        )


def _operation(service: str, name: str) -> Any | None:
    from moto.core.utils import get_service_model

    try:
        return get_service_model(service).operation_model(name[0].upper() + name[1:])
    except Exception:  # noqa: BLE001 - botocore has several errors for what it does not know
        return None


def _lower(value: Params, service: str) -> Params:
    """Universal targets name parameters in PascalCase; ECS's own are camelCase."""
    return {k[0].lower() + k[1:]: v for k, v in value.items()} if service == "ecs" else value


def _run_task(target: Params) -> Params:
    ecs_parameters = target["EcsParameters"]
    parameters: Params = {
        "cluster": target["Arn"],
        "taskDefinition": ecs_parameters["TaskDefinitionArn"],
        "count": ecs_parameters.get("TaskCount", 1),
    }
    if ecs_parameters.get("LaunchType"):
        parameters["launchType"] = ecs_parameters["LaunchType"]
    if ecs_parameters.get("CapacityProviderStrategy"):
        parameters["capacityProviderStrategy"] = ecs_parameters["CapacityProviderStrategy"]
    network = (ecs_parameters.get("NetworkConfiguration") or {}).get("awsvpcConfiguration")
    if network:
        lower = {k[0].lower() + k[1:]: v for k, v in network.items()}
        parameters["networkConfiguration"] = {"awsvpcConfiguration": lower}
    overrides = json.loads(target.get("Input") or "{}")
    return {**parameters, "overrides": overrides} if overrides else parameters
