"""Is a machine coming for a run? What its group's scaling activities say, and what is done about a refusal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from typing_extensions import assert_never

from aws_run.aws.session import Aws
from aws_run.backends.base import Advice
from aws_run.backends.ec2 import instances
from aws_run.backends.ec2.ladder import after
from aws_run.backends.ec2.refusals import describe, launch_refusals, passed_over, refusals
from aws_run.backends.ec2.scaling_activities import PASSES_WITH_TIME, CapacityStatus, capacity_status, launch_status
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, AwsRunError, CapacityError
from aws_run.events import Emit, Notice
from aws_run.infra.resource_types import group as groups
from aws_run.infra.resource_types.group import Group
from aws_run.naming import RunNames
from aws_run.runs.record import Record
from aws_run.runs.spec import Rung, RunSpec

# The first lease is the run's own `idle_s`. The switch fires this long after it, so that it can't come between the end
# of a build and an acceptance that has to wait for a new role (two minutes, backends/ecs/tasks.py).
SWITCH_AFTER_S = 3 * 60
_ANOTHER_TRY_S = 4.0
# How long a launch may go on failing in a way that may heal, from its first failure on: a minute is usual for the known
# ones; what we don't know is the account's or its rules' as a rule, and AWS's own sentence is all that helps.
_HEALS_WITHIN_S = {"transient": 10 * 60, "unknown": 3 * 60}
# A machine whose id is known is on its way: its group's activities say nothing new for as long as it boots.
_BOOTS_WITHIN_S = 60
_REGISTERS_WITHIN_S = 10 * 60  # from in service to the agent's registration; a minute is usual


@dataclass(kw_only=True)
class CapacityRequest:
    """How the request for one run's machine stands. Only the client that made it needs to know, so it is in memory."""

    old: frozenset[str] = frozenset()  # activities that belong to an earlier request
    rungs: list[Rung] = field(default_factory=list)  # asked for after the first choices; the last one is now
    left: tuple[Rung, ...] | None = None  # that may still be asked for; None: all
    tried: list[str] = field(default_factory=list)  # what AWS has refused, a sentence each
    refused_since_s: float | None = None  # since when AWS has nothing, monotonic
    failing_since_s: float | None = None  # since when launches fail in a way that may heal, monotonic
    answer: groups.LaunchAnswer | None = None  # LaunchInstances's, until it was looked at
    launched_since_s: float | None = None  # since when a machine's id is known, monotonic
    user_told: bool = False  # of a failure that we don't know
    switch_at: datetime | None = None  # when the group's switch fires, once a task was accepted
    billed: instances.Billed = field(default_factory=instances.Billed)

    def begin_anew(self, activities: list[dict[str, Any]]) -> None:
        self.old = frozenset(str(activity.get("ActivityId")) for activity in activities)
        self.refused_since_s = self.failing_since_s = self.launched_since_s = None


class Capacity:
    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._requests: dict[str, CapacityRequest] = {}

    def request(self, run_id: str) -> CapacityRequest:
        return self._requests.setdefault(run_id, CapacityRequest())

    def ask(self, spec: RunSpec) -> None:
        """For the run's first machine: at once where its group has one subnet, and where this caller and region can;
        else by the group's size, and what AWS says is read from its activities."""
        group, request = group_of(spec), self.request(spec.run_id)
        if group.launches_at_once:
            with contextlib.suppress(AwsCallError):
                request.answer = groups.launch_one(self._aws, group, f"{spec.run_id}-1", self._clock)
                if request.answer.instance_ids:
                    request.launched_since_s = self._clock.monotonic()
                return
        groups.scale_to_one(self._aws, spec.names.group, self._clock)

    def check(self, spec: RunSpec, emit: Emit) -> None:
        request = self.request(spec.run_id)
        if request.launched_since_s is not None:
            if self._clock.monotonic() - request.launched_since_s < _BOOTS_WITHIN_S:
                return
            request.launched_since_s = None
        told, request.answer = request.answer.refusals if request.answer is not None else (), None
        activities = groups.activities(self._aws, spec.names.group)
        status = launch_status(told) if told else capacity_status(activities, request.old)
        if status.since is not None and (self._clock.now() - status.since).total_seconds() > _REGISTERS_WITHIN_S:
            raise CapacityError(
                f"The instance has been up for {_REGISTERS_WITHIN_S // 60} minutes and has not joined the cluster",
                hint="its subnet may have no route to ECS: use public subnets, or add a NAT gateway or VPC endpoints. "
                "Shortly after a destroy EC2 may still take its role for the role that was deleted: submit again",
            )
        if status.since is not None:
            request.failing_since_s = None
        if status.state == "healing":
            if not self._lasts(request, status, emit):
                return
        elif status.state != "failed":
            request.refused_since_s = None
            return
        elif not told and not self._is_final(request, status):
            return
        rung = request.rungs[-1] if request.rungs else first_rung(spec)
        zones = spec.offer.network.zones
        new = launch_refusals(told, rung) if told else refusals(activities, request.old, rung, zones, status)
        left = after(spec.offer.ladder if request.left is None else request.left, status.code, rung)
        if left:
            following, request.left = left[0], left[1:]
            request.tried += new
            request.rungs.append(following)
            request.begin_anew(activities)
            for sentence in new:
                emit(Notice(text=sentence, level="warning"))
            emit(Notice(text=f"asking for {describe(following)} instead", level="warning"))
            groups.change_launches(self._aws, group_of(spec, following))
            return
        if self._waits_on(spec, status):
            emit(Notice(text=f"no capacity ({status.code}); AWS goes on trying", level="info"))
            return
        if status.state == "healing":
            request.tried += new
            raise CapacityError(
                f"AWS starts no machine for this run: {status.text}{_before(request.tried[: -len(new)])}",
                hint="these are AWS's own words: the account, one of its policies or a key of its disks may forbid it",
            )
        request.tried += new
        raise CapacityError(
            f"AWS has no machine for this run: {status.code} ({', '.join(rung.instance_types)} in "
            f"{', '.join(spec.offer.network.zones)}){_before(request.tried[: -len(new)])}",
            code=status.code,
            hint=status.hint,
        )

    def tried(self, spec: RunSpec) -> tuple[str, ...]:
        """What AWS has refused this run so far, a sentence each: what it said, and what it passed over when it took a
        later one of the types that a group names in an order."""
        request = self.request(spec.run_id)
        rungs = (first_rung(spec), *request.rungs)
        taken = [machine for machine in request.billed.machines.values() if not machine.spot]
        silent = (line for machine in taken for line in passed_over(rungs, machine, spec.offer.network.zones))
        return tuple(dict.fromkeys((*request.tried, *silent)))

    def _lasts(self, request: CapacityRequest, status: CapacityStatus, emit: Emit) -> bool:
        """Whether a failure that may heal has stood for too long. Auto Scaling's next try in between looks like a
        machine on its way until it fails as well: that is no healing."""
        now = self._clock.monotonic()
        if request.failing_since_s is None:
            request.failing_since_s = now
        shown = status.code == "unknown" and not request.user_told
        request.user_told = request.user_told or shown
        emit(Notice(text=f"waiting for AWS: {status.text}", level="warning" if shown else "debug"))
        return now - request.failing_since_s >= _HEALS_WITHIN_S[status.code]

    def _is_final(self, request: CapacityRequest, status: CapacityStatus) -> bool:
        """One zone's or type's lack is followed by another try of Auto Scaling's own within seconds: it counts when it
        still stands at the next look. Quotas and the like count at once."""
        if status.code not in PASSES_WITH_TIME:
            return True
        now = self._clock.monotonic()
        if request.refused_since_s is None:
            request.refused_since_s = now
        return now - request.refused_since_s >= _ANOTHER_TRY_S

    def _waits_on(self, spec: RunSpec, status: CapacityStatus) -> bool:
        """`retry: {on: [no-capacity]}`: the group goes on asking by itself; this many refusals are waited for."""
        retry = spec.job.retry
        return "no-capacity" in retry.on and status.code in PASSES_WITH_TIME and status.failures <= retry.max

    def explain_waiting(self, record: Record) -> Advice:
        """From the newest scaling activity of the run's group."""
        try:
            status = capacity_status(groups.activities(self._aws, RunNames(run_id=record.run_id).group))
        except AwsRunError as error:
            return Advice(
                sentence=f"It waits for a machine, and its group can't be read: {error.message}.",
                command="aws-run check",
            )
        wait = f"aws-run wait {record.run_id}"
        match status.state:
            case "failed":
                hint = f"{status.hint[:1].upper()}{status.hint[1:]}"
                return Advice(
                    sentence=f"AWS has no machine for it: {status.code}. {hint}.",
                    command=f"aws-run cancel {record.run_id}",
                )
            case "healing":
                text = f"AWS could not start the machine yet and tries again: {status.text}"
                return Advice(sentence=text, command=wait)
            case "launching":
                text = "The machine has been started and is booting; it joins within about two minutes."
                return Advice(sentence=text, command=wait)
            case "waiting":
                text = "The machine has been requested and AWS has not answered yet."
                return Advice(sentence=text, command=wait)
            case _:
                assert_never(status.state)


def first_rung(spec: RunSpec) -> Rung:
    hardware = spec.offer.hardware
    return Rung(spot=hardware.spot, instance_types=hardware.instance_types)


def _before(tried: list[str]) -> str:
    return f"; before that: {'; '.join(one.removeprefix('tried: ') for one in tried)}" if tried else ""


def group_of(spec: RunSpec, rung: Rung | None = None) -> Group:
    """`rung`: what it launches; None: the first choices."""
    hardware, rung = spec.offer.hardware, rung or first_rung(spec)
    return Group(
        name=spec.names.group,
        launch_template=spec.names.launch_template,
        instance_types=rung.instance_types,
        subnets=spec.offer.network.subnets,
        spot=rung.spot,
        spot_max_usd_per_hour=hardware.spot_max_usd_per_hour,
        lease_s=spec.idle_s + SWITCH_AFTER_S,
        tags=spec.tags,
    )
