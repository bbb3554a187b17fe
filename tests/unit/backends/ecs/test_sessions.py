"""ECS Exec: what is waited for, what is refused with a reason, and what the plugin is started with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.fakes import REGION, FakeAws, FakeClock, refused

from aws_run.backends.ecs.sessions import open_session
from aws_run.backends.executor import TaskHandle, TaskSession
from aws_run.errors import AwsCallError, AwsRunError

HANDLE = TaskHandle(id="arn:aws:ecs:us-east-1:123456789012:task/arun-demo/0123", place="arun-demo")
SESSION = {"sessionId": "s-1", "streamUrl": "wss://there", "tokenValue": "t", "more": "no field of the plugin's"}


class Task:
    """`agents`: the agent's state at each look, the last one from then on; `answers`: of ExecuteCommand, likewise."""

    def __init__(
        self, *agents: str, enabled: bool = True, status: str = "RUNNING", answers: tuple[Any, ...] = ()
    ) -> None:
        self.agents, self.answers = list(agents or ("RUNNING",)), list(answers or ({"session": SESSION},))
        self.enabled, self.status = enabled, status
        self.clock, self.commands = FakeClock(), []  # type: tuple[FakeClock, list[Any]]
        self.aws = FakeAws().on("describe_tasks", self._describe).on("execute_command", self._execute)

    def _describe(self, **_: Any) -> dict[str, Any]:
        agent = {"name": "ExecuteCommandAgent", "lastStatus": _next(self.agents), "reason": "no memory"}
        job = {"name": "job", "runtimeId": "r-1", "managedAgents": [agent]}
        guard = {"name": "aws-guardduty-agent", "runtimeId": "r-0"}
        return {
            "tasks": [
                {
                    "taskArn": HANDLE.id,
                    "lastStatus": self.status,
                    "enableExecuteCommand": self.enabled,
                    "containers": [guard, job],
                }
            ]
        }

    def _execute(self, **request: Any) -> dict[str, Any]:
        self.commands.append(request)
        answer = _next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer

    def open(self, *command: str) -> TaskSession:
        return open_session(self.aws, self.clock, HANDLE, command or ("/bin/sh",))


def _next(values: list[Any]) -> Any:
    return values.pop(0) if len(values) > 1 else values[0]


def test_the_plugin_is_started_as_the_aws_cli_starts_it() -> None:
    task = Task()
    session, region, verb, profile, target, endpoint = task.open("python", "-c", "print('a b')").arguments
    assert json.loads(session) == {"sessionId": "s-1", "streamUrl": "wss://there", "tokenValue": "t"}
    assert (region, verb, profile, endpoint) == (REGION, "StartSession", "", f"https://ssm.{REGION}.amazonaws.com")
    assert json.loads(target) == {"Target": "ecs:arun-demo_0123_r-1"}
    (request,) = task.commands
    assert (request["container"], request["interactive"]) == ("job", True)
    assert request["command"] == """python -c 'print('"'"'a b'"'"')'"""


def test_an_agent_that_starts_and_connects_late_is_waited_for() -> None:
    late = refused("TargetNotConnectedException")
    task = Task("PENDING", "PENDING", "RUNNING", answers=(late, late, {"session": SESSION}))
    began = task.clock.monotonic()
    task.open()
    assert 0 < task.clock.monotonic() - began < 20
    assert len(task.commands) == 3


@pytest.mark.parametrize(
    ("task", "message", "hint"),
    [
        (Task(enabled=False), "without ECS Exec", "--exec"),
        (Task(status="PENDING"), "does not run yet", "aws-run status"),
        (Task(status="DEPROVISIONING"), "has ended", ""),
        (
            Task(answers=(refused("TargetNotConnectedException"),)),
            "does not reach",
            "com.amazonaws.us-east-1.ssmmessages",
        ),
        (Task("STOPPED", answers=(refused("InvalidParameterException"),)), "is stopped: no memory", "written"),
    ],
)
def test_what_keeps_a_session_from_being_opened_is_told_with_what_helps(task: Task, message: str, hint: str) -> None:
    with pytest.raises(AwsRunError) as raised:
        task.open()
    assert message in raised.value.message
    assert hint in (raised.value.hint or "")
    assert task.clock.monotonic() < 200


def test_another_refusal_of_aws_goes_on_as_it_is() -> None:
    with pytest.raises(AwsCallError) as raised:
        Task(answers=(refused("AccessDeniedException"),)).open()
    assert raised.value.code == "AccessDeniedException"
