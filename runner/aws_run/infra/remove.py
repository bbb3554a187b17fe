"""Teardown: what costs money first, every step tried whatever fails, absence shown by a listing (aws-facts §7)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aws_run.aws.errors import DENIED, is_transient
from aws_run.aws.session import Aws
from aws_run.clock import Clock, iso
from aws_run.errors import AwsCallError, AwsRunError, CredentialsError, sentence_of
from aws_run.events import Emit, Notice, TeardownStep, unfailing
from aws_run.infra import apply
from aws_run.infra.resource_types import cluster, group, schedule
from aws_run.infra.resources import Kind, Ref
from aws_run.infra.retry import retrying
from aws_run.naming import TAG_RUN, RunNames, run_of_name

_CREDENTIALS = "Credentials"
# How long a step is tried again: AWS has a bad minute, or for a moment the network is one that a policy denies.
_TRIED_FOR_S, _DENIED_FOR_S = 90, 30
# One chain, because each waits for the one before it; everything else goes side by side. A task's dead-man's switch
# (on Fargate the schedule, and the role it needs) comes last: it is there for the case that the rest can't be removed.
_CHAIN: tuple[Kind, ...] = ("group", "capacity-provider", "cluster", "schedule", "role")


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What happened to one resource. `error` None: shown to be absent. `foreign`: it is not ours to remove."""

    ref: Ref
    error: str | None = None
    foreign: bool = False


def remove(
    aws: Aws, removable: Iterable[Ref], clock: Clock, emit: Emit, on_gone: Callable[[Ref], None] = lambda _: None
) -> tuple[Removal, ...]:
    """Removes all of `doomed`, whatever state they are in. What a step raises is returned, and keeps no other step from
    being tried."""
    emit = unfailing(emit)
    refs = list(removable)
    chained = [ref for ref in refs if ref.kind in _CHAIN and (ref.kind != "role" or _is_switchs(ref))]
    chain = sorted(chained, key=lambda ref: _CHAIN.index(ref.kind))
    others = [ref for ref in refs if ref not in chain]
    lock = threading.Lock()
    results: list[Removal] = []

    def one(ref: Ref) -> None:
        emit(TeardownStep(kind=ref.kind, name=ref.name, state="removing"))
        try:
            removal = _kept_switch(aws, ref, clock, results) or _remove_one(aws, ref, clock)
        except Exception as error:  # noqa: BLE001 - a fault of ours in one step is one step that failed
            removal = Removal(ref=ref, error=sentence_of(error))
        emit(
            TeardownStep(
                kind=ref.kind, name=ref.name, state="failed" if removal.error else "gone", detail=removal.error or ""
            )
        )
        with lock:
            results.append(removal)
        if removal.error is None:
            try:
                on_gone(ref)
            except Exception as error:  # noqa: BLE001 - a record that can't be written stops no teardown
                text = f"{ref.kind} {ref.name} is gone, and its record not updated: {sentence_of(error)}"
                emit(Notice(text=text, level="warning"))

    def one_by_one(refs: list[Ref]) -> None:
        for ref in refs:
            one(ref)

    # The bill ends with the group at desired 0, so that is asked for before anything else is even looked at.
    for ref in chain:
        if ref.kind == "group":
            with contextlib.suppress(Exception):  # tried again by its delete, which reports
                if not _shown_foreign(aws, ref):
                    group.scale_to_zero(aws, ref.name, clock)
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="remove") as pool:
        futures = [pool.submit(one_by_one, chain), *(pool.submit(one, ref) for ref in others)]
        for future in futures:
            future.result()
    return tuple(results)


def _is_switchs(ref: Ref) -> bool:
    run = run_of_name(ref.name)
    return ref.kind == "schedule" or (run is not None and ref.name == RunNames(run_id=run).stop_role)


def _kept_switch(aws: Aws, ref: Ref, clock: Clock, removed: Iterable[Removal]) -> Removal | None:
    """While the run's task may go on, the switch is what ends it: nothing is done to one whose time is to come."""
    run = run_of_name(ref.name)
    if run is None or not _is_switchs(ref):
        return None
    names = RunNames(run_id=run)
    try:
        if not _task_may_go_on(aws, names.cluster, removed):
            return None
        at = schedule.fires_at(aws, names.schedule)
    except AwsRunError as error:
        return Removal(ref=ref, error=f"kept, since the run's task may go on: {error.message}")
    if at is None or at <= clock.now():
        return None
    return Removal(ref=ref, error=f"kept, since the run's task may go on: it stops that at {iso(at)}")


def _task_may_go_on(aws: Aws, name: str, removed: Iterable[Removal]) -> bool:
    """Until its cluster is shown to be gone, or, where that is not to go, shows no task any more."""
    found = next((one for one in removed if one.ref.kind == "cluster" and one.ref.name == name), None)
    if found is None:
        return cluster.has_tasks(aws, name)
    return found.error is not None and not found.foreign


def _shown_foreign(aws: Aws, ref: Ref) -> bool:
    """An answer that can't be had is no reason to let a machine bill."""
    try:
        return apply.is_foreign(aws, ref)
    except AwsRunError:
        return False


class _ForeignError(AwsRunError):
    """What doesn't carry our tag is not ours."""


def _remove_one(aws: Aws, ref: Ref, clock: Clock) -> Removal:
    def attempt() -> bool:
        try:
            # One that isn't listed is deleted all the same: what was made seconds ago may not be listed everywhere yet.
            if apply.is_foreign(aws, ref):
                raise _ForeignError("it does not carry aws-run's tag, so it was left alone")
            apply.delete(aws, ref, clock)
            return apply.absent(aws, ref)
        except CredentialsError as error:  # they may be renewed meanwhile: by their provider, or by a sign-in
            raise AwsCallError(error.message, code=_CREDENTIALS, operation="delete", hint=error.hint) from error

    began = clock.monotonic()

    def heals(error: AwsCallError) -> bool:
        if error.code in DENIED:
            return clock.monotonic() - began < _DENIED_FOR_S
        return is_transient(error) or error.code == _CREDENTIALS

    try:
        # botocore has tried eight times by then; a bad minute of AWS must not leave anything behind.
        if retrying(attempt, when=heals, for_s=_TRIED_FOR_S, clock=clock, first_wait_s=1):
            return Removal(ref=ref)
        # A delete that was accepted may take a moment to show in the listing.
        for _ in range(10):
            clock.sleep(1.0)
            if apply.absent(aws, ref):
                return Removal(ref=ref)
        return Removal(ref=ref, error="AWS still lists it")
    except _ForeignError as error:
        return Removal(ref=ref, error=error.message, foreign=True)
    except AwsRunError as error:
        return Removal(ref=ref, error=error.message)


def commands(ref: Ref, region: str) -> tuple[str, ...]:
    """What finishes by hand what could not be shown to be gone."""
    end = f"--region {region}"
    run = run_of_name(ref.name) or ref.name
    match ref.kind:
        case "group":
            return (
                f"aws autoscaling delete-auto-scaling-group --auto-scaling-group-name {ref.name} --force-delete {end}",
                f"aws ec2 describe-instances --filters Name=tag:{TAG_RUN},Values={run} --query "
                f"'Reservations[].Instances[].InstanceId' --output text {end} "
                f"| xargs aws ec2 terminate-instances {end} --instance-ids",
            )
        case "capacity-provider":
            return (
                f"aws ecs put-cluster-capacity-providers --cluster {ref.name} --capacity-providers "
                f"--default-capacity-provider-strategy {end}",
                f"aws ecs delete-capacity-provider --capacity-provider {ref.name} {end}",
            )
        case "cluster":
            # Tasks and machines must be off it first, which takes more than a line.
            return (f"aws-run cleanup {run} {end}", f"aws ecs delete-cluster --cluster {ref.name} {end}")
        case "launch-template":
            return (f"aws ec2 delete-launch-template --launch-template-name {ref.name} {end}",)
        case "task-definition":
            return (  # every revision
                f"aws ecs list-task-definitions --family-prefix {ref.name} --query 'taskDefinitionArns[]' "
                f"--output text {end} | xargs -n 1 aws ecs deregister-task-definition {end} --task-definition",
            )
        case "log-group":
            return (f"aws logs delete-log-group --log-group-name {ref.name} {end}",)
        case "role":
            profile = (
                f"aws iam remove-role-from-instance-profile --instance-profile-name {ref.name} --role-name {ref.name}",
                f"aws iam delete-instance-profile --instance-profile-name {ref.name}",
            )
            return (
                *(profile if ref.name.endswith("-instance") else ()),
                f"aws iam delete-role-policy --role-name {ref.name} --policy-name aws-run",
                f"aws iam delete-role --role-name {ref.name}",
            )
        case "schedule":
            return (f"aws scheduler delete-schedule --name {ref.name} {end}",)
        case "repository":
            return (f"aws ecr delete-repository --repository-name {ref.name} --force {end}",)
        case "bucket":
            return (f"aws-run destroy --everything {end}",)  # every version of every object goes first
