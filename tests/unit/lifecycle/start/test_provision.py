"""From a planned run to an accepted task: what is made, what is on record when, and what a failing lane stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.fakes import RUN, SNAPSHOT, config, job, refused
from tests.unit.lifecycle.memory_run import MemoryRun

from aws_run.aws.session import Identity
from aws_run.backends.base import Stage
from aws_run.clock import iso
from aws_run.data.inspect_input import InputSummary
from aws_run.errors import AwsCallError, DeadlineError
from aws_run.events import LaneDone, LaneFailed
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.lifecycle.start.lanes import LaneRunner, Stopped
from aws_run.lifecycle.start.preflight import Preflight, RunPlan
from aws_run.lifecycle.start.provision import AcceptedTask, Provisioning

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/arun/demo@sha256:" + "a" * 64
OWN = f"arun-{RUN}"  # a name that is the run's own
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/demo:1"


def log_group_stage(name: str) -> Stage:
    """A stage of the backend's that makes one thing."""
    return Stage(resources=(LogGroup(name=name, retention_days=90, tags={}),))


class Start(MemoryRun):
    """A run of a ready image, whose input an earlier client has sent."""

    def __init__(
        self, *, stages: tuple[Stage, ...] = (Stage(resources=()),), limits: Any = None, **changes: Any
    ) -> None:
        super().__init__(job=job(image=IMAGE, env={"TOKEN": "canary"}, limits=limits or {}), **changes)
        self.aws.on("register_task_definition", {"taskDefinition": {"taskDefinitionArn": DEFINITION}})
        self.context = replace(self.context, storage=lambda _: None)  # type: ignore[arg-type, return-value]
        self._stages = stages
        self.lanes = LaneRunner(emit=self.events.emit, clock=self.clock, stop=self.context.stop)

    def go(self) -> AcceptedTask:
        identity = self.aws.identity()
        assert isinstance(identity, Identity)
        stored = InputSummary(name=None, place="data", files=1, bytes=1, stored=SNAPSHOT)
        preflight = Preflight(
            config=config(image=IMAGE),
            job=self.spec.job,
            identity=identity,
            bucket=self.spec.bucket,
            offer=self.spec.offer,
            image=None,
            image_digest=None,
            kept={},
            inputs=(stored,),
        )
        run = RunPlan(spec=self.spec, kept=(), shared=(), roles=(), stages=self._stages)
        provisioning = Provisioning(
            self.context, backend=self.backend, preflight=preflight, run=run, writer=self.writer, lanes=self.lanes
        )
        return provisioning.start(())


def test_the_task_is_accepted_with_the_image_the_input_and_the_deadline_on_record() -> None:
    start = Start()
    start.clock.elapsed_s = 90
    accepted = start.go()
    record = start.record
    assert (record.handle, record.state) == (accepted.handle, "running")
    assert accepted.request.definition == DEFINITION
    assert accepted.request.inputs == (SNAPSHOT,)
    assert accepted.deadline == start.clock.now() + timedelta(seconds=start.spec.timeout_s)
    assert record.deadline == iso(accepted.deadline)
    assert [entry["snapshot_key"] for entry in record.inputs] == [SNAPSHOT.snapshot_key]
    assert start.backend.accepted == [accepted.handle]
    assert {event.lane for event in start.events.of(LaneDone)} == {"capacity", "image", "input"}


def test_how_long_each_lane_took_is_on_record_once_the_task_is_asked_for() -> None:
    start = Start()
    start.clock.elapsed_s = 90
    start.go()
    lanes = {lane.name: lane for lane in start.record.lanes}
    assert set(lanes) == {"capacity", "image", "input"}
    assert {lane.began_s for lane in lanes.values()} == {90.0}
    assert all((lane.ended_s or 0) >= lane.began_s for lane in lanes.values())
    assert (lanes["image"].how, lanes["image"].text) == ("same", "ready image, nothing to build")


def test_the_jobs_clock_starts_when_the_task_does_not_when_the_run_was_planned() -> None:
    start = Start()
    start.clock.elapsed_s = 600
    assert start.go().deadline - start.spec.deadline == timedelta(seconds=600)


def test_the_deadline_and_the_inputs_are_on_record_before_the_task_is_asked_for() -> None:
    start = Start()
    on_record: list[tuple[str, int]] = []
    begin = start.backend.executor.start

    def look_first(request: Any, check: Any) -> Any:
        on_record.append((start.record.deadline, len(start.record.inputs)))
        return begin(request, check)

    start.backend.executor.start = look_first  # type: ignore[method-assign, assignment]
    accepted = start.go()
    assert on_record == [(iso(accepted.deadline), 1)]


def test_the_job_on_record_is_the_one_that_was_started_without_the_values_of_its_variables() -> None:
    start = Start()
    accepted = start.go()
    assert accepted.job.image == IMAGE
    assert [pin.snapshot_key for pin in accepted.job.inputs] == [SNAPSHOT.snapshot_key]
    assert accepted.job.env == {"TOKEN": "canary"}
    assert "canary" not in str(start.record.job)
    assert start.record.job is not None
    assert start.record.job["env"] == {"TOKEN": None}


def test_a_lost_answer_makes_no_second_task() -> None:
    start = Start()
    start.service.answers_lost = 2
    start.go()
    assert (start.service.submitted, len(start.service.tasks)) == (3, 1)


def test_a_lane_that_fails_is_raised_and_no_task_is_started() -> None:
    start = Start()
    start.aws.on("register_task_definition", refused("ClientException", operation="RegisterTaskDefinition"))
    with pytest.raises(AwsCallError, match="RegisterTaskDefinition"):
        start.go()
    assert start.service.tasks == {}
    assert (start.record.handle, start.record.state) == (None, "starting")
    assert "image" in {event.lane for event in start.events.of(LaneFailed)}


def test_a_start_that_was_stopped_makes_nothing() -> None:
    start = Start(stages=(log_group_stage(OWN),))
    start.context.stop.set()
    with pytest.raises(Stopped):
        start.go()
    assert start.service.tasks == {}
    assert "create_log_group" not in start.aws.operations


def test_every_resource_that_was_made_is_on_record() -> None:
    start = Start(stages=(log_group_stage(OWN),))
    start.go()
    made = {(entry.kind, entry.name): entry.state for entry in start.record.resources}
    assert made[("log-group", OWN)] == "created"
    assert ("task-definition", start.spec.names.family) in made


def test_a_later_stage_waits_for_the_one_before() -> None:
    names = (f"{OWN}-1", f"{OWN}-2", f"{OWN}-3")
    start = Start(stages=tuple(log_group_stage(name) for name in names))
    start.go()
    assert [sent["logGroupName"] for sent in start.aws.sent("create_log_group")] == list(names)


def test_what_the_cost_cap_has_left_is_the_jobs_time() -> None:
    start = Start(cap_s=1000, ending_s=100)
    accepted = start.go()
    assert accepted.deadline == start.clock.now() + timedelta(seconds=900)
    assert accepted.capped


def test_a_cap_that_the_waiting_used_up_starts_no_task() -> None:
    start = Start(cap_s=150, ending_s=100, limits={"max_cost_usd": 1.0})
    with pytest.raises(DeadlineError, match="--max-cost"):
        start.go()
    assert start.service.tasks == {}
    assert start.record.handle is None


def test_another_clients_change_of_the_record_stays() -> None:
    start = Start()
    there, etag = start.store.read(start.spec.run_id)
    start.store.replace(replace(there, owner="ann"), etag)
    start.go()
    assert start.record.owner == "ann"


def test_who_waits_for_a_new_role_stops_with_the_start() -> None:
    """Nobody registers a definition behind the teardown's back, up to a minute later."""
    start = Start()

    def refuse(**_: Any) -> Any:
        start.context.stop.set()  # another lane has failed meanwhile
        raise refused("AccessDeniedException", "not authorized to perform: iam:PassRole")

    start.aws.on("register_task_definition", refuse)
    with pytest.raises((Stopped, AwsCallError)):
        start.go()
    assert start.aws.operations.count("register_task_definition") == 1
    assert {event.text for event in start.events.of(LaneFailed)} <= {"stopped"}
