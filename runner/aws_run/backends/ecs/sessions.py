"""A session in a running task, through ECS Exec: what has to be true for it, and what AWS says where it is not.

ECS Developer Guide, "Monitor Amazon ECS containers with ECS Exec": the task was run with enableExecuteCommand, its role
may open the SSM agent's channels, and the agent that ECS puts beside the job runs and reaches them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from aws_run import partition
from aws_run.aws.session import Aws
from aws_run.backends.ecs.container import CONTAINER
from aws_run.backends.executor import TaskHandle, TaskSession
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, AwsRunError
from aws_run.hints import quoted

# The agent starts some seconds after its container, and connects some seconds after that.
_AGENT_WITHIN_S = 60.0
_LOOK_S = 2.0
_AGENT = "ExecuteCommandAgent"
_NOT_ENABLED = "start the run with --exec (or `exec: true` in aws-run.yaml); it can't be added to one that runs"
_NOT_CONNECTED = (
    "its role needs the ssmmessages rights that --exec gives the run's own role (with --task-role: add them to that "
    "one, `aws-run iam-policy --role task --exec` prints them), and its subnets a way to ssmmessages: a public IP, a "
    "NAT gateway, or the endpoint com.amazonaws.{region}.ssmmessages"
)


def open_session(aws: Aws, clock: Clock, handle: TaskHandle, command: Sequence[str]) -> TaskSession:
    """Waits until the task's agent runs, and opens a session of `command` with it.

    AwsRunError, with what helps, where the task has no agent, has ended, or its agent reaches nobody.
    """
    deadline = clock.monotonic() + _AGENT_WITHIN_S
    while True:
        task = _task(aws, handle)
        job = _job(task)
        if not task.get("enableExecuteCommand"):
            raise AwsRunError("The task was started without ECS Exec", hint=_NOT_ENABLED)
        agent = _agent(job)
        late = clock.monotonic() >= deadline
        try:
            if agent.get("lastStatus") == "RUNNING" or late:
                return _execute(aws, handle, task, job, command)
        except AwsCallError as error:
            if error.code == "TargetNotConnectedException" and not late:
                pass  # the agent runs, and has not connected yet
            elif error.code == "TargetNotConnectedException":
                raise _not_connected(aws, agent) from error
            elif error.code == "InvalidParameterException" and late:
                raise _not_running(agent) from error
            else:
                raise
        clock.sleep(_LOOK_S)


def _task(aws: Aws, handle: TaskHandle) -> Mapping[str, Any]:
    try:
        answer = aws.call("ecs", "describe_tasks", cluster=handle.place, tasks=[handle.id])
    except AwsCallError as error:
        if error.code != "ClusterNotFoundException":
            raise
        answer = {}
    tasks = answer.get("tasks") or ()
    if not tasks or tasks[0].get("lastStatus") in ("DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"):
        raise AwsRunError("The task has ended; there is nothing to run a command in")
    if tasks[0].get("lastStatus") != "RUNNING":
        raise AwsRunError(
            f"The task does not run yet (it is {str(tasks[0].get('lastStatus')).lower()})",
            hint="the same command again, once " + quoted("status") + " says that it runs",
        )
    task: Mapping[str, Any] = tasks[0]
    return task


def _job(task: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in task.get("containers") or () if one.get("name") == CONTAINER), {})


def _agent(job: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in job.get("managedAgents") or () if one.get("name") == _AGENT), {})


def _execute(
    aws: Aws, handle: TaskHandle, task: Mapping[str, Any], job: Mapping[str, Any], command: Sequence[str]
) -> TaskSession:
    """ECS takes the command as one text, which the agent splits like a shell. Interactive is its only mode."""
    answer = aws.call(
        "ecs",
        "execute_command",
        cluster=handle.place,
        task=handle.id,
        container=CONTAINER,
        command=shlex.join(command),
        interactive=True,
    )
    region = aws.identity().region
    cluster, task_id = handle.place.rsplit("/", 1)[-1], str(task["taskArn"]).rsplit("/", 1)[-1]
    target = f"ecs:{cluster}_{task_id}_{job.get('runtimeId', '')}"
    endpoint = f"https://ssm.{region}.{partition.of_region(region).dns_suffix}"
    session = {name: answer["session"].get(name) for name in ("sessionId", "streamUrl", "tokenValue")}
    # What `aws ecs execute-command` starts the plugin with (awscli/customizations/ecs/executecommand.py).
    return TaskSession(
        arguments=(json.dumps(session), region, "StartSession", "", json.dumps({"Target": target}), endpoint)
    )


def _not_connected(aws: Aws, agent: Mapping[str, Any]) -> AwsRunError:
    why = f" ({agent['reason']})" if agent.get("reason") else ""
    return AwsRunError(
        f"AWS does not reach the task's ECS Exec agent{why}", hint=_NOT_CONNECTED.format(region=aws.identity().region)
    )


def _not_running(agent: Mapping[str, Any]) -> AwsRunError:
    state = str(agent.get("lastStatus") or "not there").lower()
    why = f": {agent['reason']}" if agent.get("reason") else ""
    return AwsRunError(
        f"The task's ECS Exec agent does not run (it is {state}{why})",
        hint="it needs a root file system that can be written and some memory beside the job's",
    )
