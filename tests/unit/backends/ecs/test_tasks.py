"""Tasks on ECS, as far as only ECS has it so; what every executor promises is in tests/unit/backends/contract.py."""

from __future__ import annotations

import pytest
from tests.unit.fakes import FakeAws, FakeClock, refused

from aws_run.backends.ecs.tasks import EcsExecutor, task_state
from aws_run.backends.executor import EndCause, TaskHandle, TaskPhase


@pytest.mark.parametrize(
    ("code", "fine"), [("ClusterNotFoundException", True), ("InvalidParameterException", True), ("AccessDenied", False)]
)
def test_stopping_a_task_that_is_gone_is_fine(code: str, fine: bool) -> None:
    aws = FakeAws().on("stop_task", refused(code))
    executor = EcsExecutor(aws, FakeClock(), lambda _: {})
    handle = TaskHandle(id="arn:task", place="cluster")
    if fine:
        executor.stop(handle, "why")
    else:
        with pytest.raises(Exception, match="AccessDenied"):
            executor.stop(handle, "why")
    assert [sent["task"] for sent in aws.sent("stop_task")] == ["arn:task"]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("PROVISIONING", TaskPhase.WAITING),
        ("PENDING", TaskPhase.STARTING),
        ("ACTIVATING", TaskPhase.STARTING),
        ("RUNNING", TaskPhase.RUNNING),
        ("DEACTIVATING", TaskPhase.STOPPING),
        ("STOPPING", TaskPhase.STOPPING),
        ("DEPROVISIONING", TaskPhase.STOPPING),
        ("STOPPED", TaskPhase.STOPPED),
        ("INVENTED_LATER", TaskPhase.STARTING),
    ],
)
def test_ecs_statuses_are_phases(status: str, phase: TaskPhase) -> None:
    state = task_state({"taskArn": "arn", "lastStatus": status}, "cluster")
    assert (state.phase, state.status, state.stopped) == (phase, status, status == "STOPPED")
    assert (state.end is not None) == state.stopped


def test_the_jobs_container_is_known_by_its_name() -> None:
    containers = [{"name": "aws-guardduty-agent-x", "exitCode": 1}, {"name": "job", "exitCode": 0}]
    task = {"taskArn": "a", "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "containers": containers}
    end = task_state(task, "cluster").end
    assert end is not None
    assert (end.cause, end.exit_code) == (EndCause.EXITED, 0)
