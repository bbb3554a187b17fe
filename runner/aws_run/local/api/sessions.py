"""ECS Exec: ExecuteCommand with AWS's refusals. The runtime of the container says how a command is run in it."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from typing import Any

from aws_run.local.http.iam_policy import role_allows
from aws_run.local.http.protocol import Params, Refusal
from aws_run.local.sim.agent import Agent
from aws_run.local.sim.model import Session, Task
from aws_run.local.sim.state import AccountState

_CHANNELS = tuple(
    f"ssmmessages:{name}"
    for name in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
)


def execute(world: AccountState, agent: Agent, task: Task, p: Params) -> Params:
    """The texts are AWS's (ECS API Reference, ExecuteCommand; ECS Developer Guide, "Troubleshooting ECS Exec")."""
    if not p.get("interactive"):
        raise Refusal("InvalidParameterException", "Interactive is the only mode supported currently.")
    named = p.get("container") or (task.containers[0].name if len(task.containers) == 1 else "")
    container = next((one for one in task.containers if one.name == named), None)
    if container is None:
        raise Refusal("InvalidParameterException", "The container is not in the task.")
    running = agent.running.get(container.arn)
    if not task.enable_execute_command or task.status != "RUNNING" or running is None:
        raise Refusal(
            "InvalidParameterException",
            "The execute command failed because execute command was not enabled when the task was run or the execute "
            "command agent isn't running. Wait and try again or run a new task with execute command enabled and try "
            "again.",
        )
    role = task.overrides.get("taskRoleArn") or task.definition["taskRoleArn"]
    if not role or not role_allows(world, str(role), _CHANNELS):
        raise Refusal(
            "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later."
        )
    command = shlex.split(str(p["command"]))

    def begin(terminal: bool) -> Mapping[str, Any]:
        inside = running.inside(command, terminal=terminal)
        return {"argv": inside.argv, "cwd": inside.cwd, "environment": inside.environment}

    session_id = f"ecs-execute-command-{secrets.token_hex(9)}"
    session = world.sessions[session_id] = Session(token=secrets.token_urlsafe(24), begin=begin)
    return {
        "clusterArn": task.cluster_arn,
        "taskArn": task.arn,
        "containerArn": container.arn,
        "containerName": container.name,
        "interactive": True,
        "session": {
            "sessionId": session_id,
            # Nothing listens there: the embedded AWS's own plugin takes the session up.
            "streamUrl": f"wss://ssmmessages.invalid/v1/data-channel/{session_id}?role=publish_subscribe",
            "tokenValue": session.token,
        },
    }
