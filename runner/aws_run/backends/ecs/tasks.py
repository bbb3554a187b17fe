"""Tasks on ECS. The only reader of what ECS says of a task; both Fargate and EC2 run theirs through it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aws_run import contract
from aws_run.aws.errors import is_transient
from aws_run.aws.logs import LogTail
from aws_run.aws.session import Aws
from aws_run.backends.ecs import container, pull_errors, sessions, sizes
from aws_run.backends.executor import EndCause, TaskEnd, TaskHandle, TaskPhase, TaskRequest, TaskSession, TaskState
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, CapacityError
from aws_run.infra import tags
from aws_run.infra.resource_types import cluster
from aws_run.infra.retry import retrying, role_is_too_new
from aws_run.runs.record import Record
from aws_run.runs.spec import RunSpec

# ECS's lifecycle (Developer Guide, "Amazon ECS task lifecycle"); a word that is not here is a later one of AWS's.
_PHASES = {
    "PROVISIONING": TaskPhase.WAITING,
    "PENDING": TaskPhase.STARTING,
    "ACTIVATING": TaskPhase.STARTING,
    "RUNNING": TaskPhase.RUNNING,
    "DEACTIVATING": TaskPhase.STOPPING,
    "STOPPING": TaskPhase.STOPPING,
    "DEPROVISIONING": TaskPhase.STOPPING,
    "STOPPED": TaskPhase.STOPPED,
}
_CAUSES = {
    "SpotInterruption": EndCause.INTERRUPTED,
    "TerminationNotice": EndCause.INTERRUPTED,  # Fargate Spot
    "UserInitiated": EndCause.STOPPED,
    "TaskFailedToStart": EndCause.NOT_STARTED,
    "InfrastructureHealth": EndCause.MACHINE_FAILED,
    "EssentialContainerExited": EndCause.EXITED,
}
# Of these ECS's own reason tells more than the container's.
_TOLD_BY_ECS = (EndCause.INTERRUPTED, EndCause.STOPPED, EndCause.MACHINE_FAILED)
# There is no code for it but in the sentence (aws/copilot-cli#5984, pulumi/pulumi-awsx#927).
_DENIED = re.compile(r"AccessDenied|not authorized to perform|unable to assume", re.IGNORECASE)
# Fargate's words for it, of a task that it has stopped and in RunTask's `failures` alike (re:Post,
# ecs-fargate-runtask-capacity: "try again"). EC2's tasks wait for their machine.
_NO_ROOM = "Capacity is unavailable"
_NEW_ROLE_S = 120  # how long ECS may not know a role or a capacity provider that was just made (aws-facts §3)


class EcsExecutor:
    """`placement`: RunTask's parameters that differ between backends, from the run's spec."""

    stop_within_s = container.STOP_TIMEOUT_S

    def __init__(self, aws: Aws, clock: Clock, placement: Callable[[RunSpec], Mapping[str, Any]]) -> None:
        self._aws = aws
        self._clock = clock
        self._placement = placement

    def start(self, request: TaskRequest, check: Callable[[], None] = lambda: None) -> TaskHandle:
        """What was not answered, or in a way that nobody can read, is sent again with the same token, for which ECS
        answers with the task that it has accepted before. Failures come in `failures[]` (aws-facts §3)."""
        parameters = run_task_request(request, self._placement(request.spec))
        place = str(parameters["cluster"])

        def attempt() -> dict[str, Any]:
            check()
            answer = self._aws.call("ecs", "run_task", **parameters)
            if not answer.get("tasks") and not answer.get("failures"):
                text = "ECS did not accept the task: no reason given"
                raise AwsCallError(text, code="ConnectionError", operation="run_task")
            return answer

        try:
            answer = retrying(
                attempt,
                when=lambda error: _heals(error) or is_transient(error),
                for_s=_NEW_ROLE_S,
                clock=self._clock,
                first_wait_s=2,
            )
        except AwsCallError as error:
            if error.code != "ConflictException" and not is_transient(error):
                raise
            # The token was used before, or nobody can tell: the task may be there, whatever happened to the answer.
            adopted = self._listed(place, request.attempt, ("RUNNING",))
            if adopted is None:
                raise
            return adopted.handle
        if answer.get("tasks"):
            return TaskHandle(id=str(answer["tasks"][0]["taskArn"]), place=place)
        reasons = sorted({str(f.get("reason", "unknown")) for f in answer.get("failures", ())}) or ["no reason given"]
        text = "; ".join(reasons)
        raise CapacityError(f"ECS did not accept the task: {text}", hint=_failure_hint(text), passes=_NO_ROOM in text)

    def refuse_too_large(self, request: TaskRequest) -> None:
        sizes.check_overrides(run_task_request(request, {})["overrides"], inputs=len(request.inputs))

    def find(self, record: Record) -> TaskState | None:
        if record.handle is not None:
            return self.state(record.handle)
        return self._listed(record.cluster, record.attempt, ("RUNNING", "STOPPED"))

    def state(self, handle: TaskHandle) -> TaskState | None:
        try:
            answer = self._aws.call("ecs", "describe_tasks", cluster=handle.place, tasks=[handle.id])
        except AwsCallError as error:
            if error.code == "ClusterNotFoundException":
                return None
            raise
        tasks = answer.get("tasks") or ()
        return task_state(tasks[0], handle.place) if tasks else None

    def stop(self, handle: TaskHandle, reason: str) -> None:
        try:
            self._aws.call("ecs", "stop_task", cluster=handle.place, task=handle.id, reason=reason)
        except AwsCallError as error:
            if error.code not in ("ClusterNotFoundException", "InvalidParameterException"):
                raise

    def is_gone(self, handle: TaskHandle) -> bool:
        return cluster.absent(self._aws, handle.place)

    def log_source(self, record: Record, handle: TaskHandle) -> LogTail:
        return LogTail(self._aws, record.log_group, container.log_stream(record.run_id, handle.id))

    def open_session(self, handle: TaskHandle, command: Sequence[str]) -> TaskSession:
        return sessions.open_session(self._aws, self._clock, handle, command)

    def _listed(self, place: str, attempt: int, statuses: Sequence[str]) -> TaskState | None:
        """The task of that attempt on the cluster; one of an earlier attempt may still be stopping there."""
        for status in statuses:
            try:
                arns = self._aws.call("ecs", "list_tasks", cluster=place, desiredStatus=status)["taskArns"]
            except AwsCallError as error:
                # Only an absent cluster means that there is no task; a refusal says nothing.
                if error.code == "ClusterNotFoundException" or "inactive" in error.message.lower():
                    return None
                raise
            for arn in arns:
                state = self.state(TaskHandle(id=str(arn), place=place))
                if state is not None and state.attempt == attempt:
                    return state
        return None


def run_task_request(request: TaskRequest, placement: Mapping[str, Any]) -> dict[str, Any]:
    """RunTask's parameters. Pure."""
    spec = request.spec
    sources = [
        {"name": one.label, "snapshot_key": one.snapshot_key, "version_id": one.version_id, "into": one.into}
        for one in request.inputs
    ]
    environment = {
        contract.INPUTS: json.dumps(sources, separators=(",", ":")),
        contract.DEADLINE: str(int(request.deadline.timestamp())),
        contract.ATTEMPT: str(request.attempt),
    }
    return {
        "cluster": spec.names.cluster,
        "taskDefinition": request.definition,
        "count": 1,
        "clientToken": _client_token(request),
        "startedBy": spec.run_id[:36],
        # The definition has them as well; an organization's policy that requires tags looks at the request.
        "tags": tags.lower(request.spec.tags),
        "propagateTags": "TASK_DEFINITION",
        "enableECSManagedTags": True,
        **({"enableExecuteCommand": True} if spec.job.exec else {}),
        "overrides": {
            "containerOverrides": [
                {
                    "name": container.CONTAINER,
                    "environment": [{"name": name, "value": value} for name, value in environment.items()],
                }
            ]
        },
        **placement,
    }


def _client_token(request: TaskRequest) -> str:
    """At most 64 letters, as ECS has it: a run's name leaves room for a few."""
    token = request.spec.names.client_token
    if (request.attempt, request.turn) == (1, 1):
        return token
    return f"{token}-{request.attempt}{'' if request.turn == 1 else chr(ord('a') + request.turn - 1)}"


def task_state(task: Mapping[str, Any], place: str) -> TaskState:
    """A task of DescribeTasks. Pure."""
    status = str(task.get("lastStatus") or "")
    phase = _PHASES.get(status, TaskPhase.STARTING)
    stopped = phase is TaskPhase.STOPPED
    return TaskState(
        handle=TaskHandle(id=str(task["taskArn"]), place=place),
        phase=phase,
        status=status,
        attempt=_attempt(task),
        detail=_detail(task, status),
        billed_from=_moment(task.get("pullStartedAt")) or _moment(task.get("startedAt")),
        started_at=_moment(task.get("startedAt")),
        stopping_at=_moment(task.get("stoppingAt")),
        stopped_at=_moment(task.get("stoppedAt")),
        end=_end(task) if stopped else None,
        interfaces=tuple(
            str(detail["value"])
            for attachment in task.get("attachments") or ()
            for detail in attachment.get("details") or ()
            if detail.get("name") == "networkInterfaceId" and detail.get("value")
        ),
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _attempt(task: Mapping[str, Any]) -> int:
    """Which attempt of its run it is, as `run_task_request` wrote it."""
    for override in task.get("overrides", {}).get("containerOverrides", ()):
        for variable in override.get("environment", ()):
            if variable.get("name") == contract.ATTEMPT and str(variable.get("value")).isdigit():
                return int(variable["value"])
    return 1


def _detail(task: Mapping[str, Any], status: str) -> str:
    if status == "PROVISIONING":
        return "waiting for a machine"
    if status == "PENDING":
        return "pulling the image"
    if status == "STOPPED":
        text = str(task.get("stoppedReason") or "")
        # ECS's words for "the job has ended", whatever its exit code.
        return "" if text.startswith("Essential container") else text
    return ""


def _end(task: Mapping[str, Any]) -> TaskEnd:
    """By the container's reason where the pull or the memory is the cause, then by stopCode (aws-facts §3)."""
    job = _job_container(task.get("containers") or ())
    reason, stopped = str(job.get("reason") or ""), str(task.get("stoppedReason") or "")
    code = str(task.get("stopCode") or "") or None
    exit_code = _exit_code(job.get("exitCode"))
    if "CannotPull" in reason or "CannotPull" in stopped:
        text = pull_errors.sentence(reason or stopped)
        denied = _DENIED.search(f"{reason} {stopped}") is not None
        return TaskEnd(cause=EndCause.IMAGE_NOT_PULLED, exit_code=exit_code, text=text, code=code, denied=denied)
    cause = _CAUSES.get(code or "", EndCause.UNKNOWN)
    if "OutOfMemory" in reason and exit_code != 0:
        cause = EndCause.OUT_OF_MEMORY
    text = stopped if cause in _TOLD_BY_ECS else reason or stopped
    denied = cause is EndCause.NOT_STARTED and _DENIED.search(text) is not None
    no_room = cause is EndCause.NOT_STARTED and task.get("launchType") == "FARGATE" and _NO_ROOM in text
    return TaskEnd(cause=cause, exit_code=exit_code, text=text, code=code, denied=denied, no_room=no_room)


def _exit_code(code: object) -> int | None:
    """One that a process can't end with is none."""
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= 255 else None


def _job_container(containers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """By its name: GuardDuty's agent on Fargate is one of a task's containers too, in any place, and may well fail
    without the job minding (GuardDuty User Guide, how-runtime-monitoring-works-ecs-fargate)."""
    return next((one for one in containers if one.get("name") == container.CONTAINER), {})


def _heals(error: AwsCallError) -> bool:
    """A role or a capacity provider made seconds ago (aws-facts §3)."""
    text = error.message.lower()
    if "unable to assume the" in text or role_is_too_new(error):  # "… role", "… service linked role"
        return True
    transient = "capacity provider" in text or "not active" in text or "not in an active" in text
    return error.code in ("InvalidParameterException", "ClientException") and transient


def _failure_hint(reasons: str) -> str | None:
    if _NO_ROOM in reasons:
        return "try again later, let it wait with retry.on no-capacity, or take --backend ec2"
    if "RESOURCE:GPU" in reasons:
        return "the instance has fewer GPUs than requested: name another with --instance-type"
    if "RESOURCE:" in reasons:
        return "the task does not fit the instance: ask for less CPU or memory, or a larger --instance-type"
    return None
