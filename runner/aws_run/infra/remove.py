"""Teardown: what costs money first, every step tried whatever fails, absence shown by a listing (aws-facts §7)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from aws_run.aws.errors import DENIED, is_transient
from aws_run.aws.session import Aws
from aws_run.clock import Clock, iso, wait_until
from aws_run.errors import AwsCallError, AwsRunError, CredentialsError, sentence_of
from aws_run.events import Emit, Notice, TeardownStep, unfailing
from aws_run.frozen import frozen
from aws_run.infra import apply
from aws_run.infra.resource_types import cluster, schedule
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Kind, Ref
from aws_run.infra.retry import retrying
from aws_run.naming import RunNames, run_of_name

_CREDENTIALS = "Credentials"
# How long a step is tried again: AWS has a bad minute, or for a moment the network is one that a policy denies.
_TRIED_FOR_S, _DENIED_FOR_S = 90, 30


@frozen
class Removal:
    """What happened to one resource. `error` None: shown to be absent. `foreign`: it is not ours to remove."""

    ref: Ref
    error: str | None = None
    foreign: bool = False


def remove(
    aws: Aws,
    removable: Iterable[Ref],
    clock: Clock,
    emit: Emit,
    *,
    on_gone: Callable[[Ref], None] = lambda _: None,
    types: Registry = RESOURCE_TYPES,
) -> tuple[Removal, ...]:
    """Removes all that is `removable`, whatever state it is in. What a step raises is returned, and keeps no other step
    from being tried.

    What depends on each other goes one by one, in its lane, each tried whatever became of the one before; everything
    else goes side by side.
    """
    emit = unfailing(emit)
    refs = list(removable)
    lanes = [_in_order(refs, lane, types) for lane in types.lanes]
    others = [ref for ref in refs if not any(ref in lane for lane in lanes)]
    lock = threading.Lock()
    results: list[Removal] = []

    def one(ref: Ref) -> None:
        emit(TeardownStep(kind=ref.kind, name=ref.name, state="removing"))
        try:
            removal = _kept_switch(aws, ref, clock, results, types) or _remove_one(aws, ref, clock, types)
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
    for ref in refs:
        known = types.get(ref.kind)
        if known is not None and known.end_bill is not None and known.ends_bill_first:
            with contextlib.suppress(Exception):  # tried again by its delete, which reports
                if not _shown_foreign(aws, ref, types):
                    known.end_bill(aws, ref.name, clock)
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="remove") as pool:
        futures = [*(pool.submit(one_by_one, lane) for lane in lanes), *(pool.submit(one, ref) for ref in others)]
        for future in futures:
            future.result()
    return tuple(results)


def _in_order(refs: Iterable[Ref], lane: tuple[Kind, ...], types: Registry) -> list[Ref]:
    """Those of `refs` that have their place in the lane."""
    ordered = [ref for ref in refs if ref.kind in lane and types.is_ordered(ref)]
    return sorted(ordered, key=lambda ref: lane.index(ref.kind))


def _kept_switch(aws: Aws, ref: Ref, clock: Clock, removed: Iterable[Removal], types: Registry) -> Removal | None:
    """While the run's task may go on, the dead-man's switch is what ends it: nothing is done to one whose time is to
    come."""
    known, run = types.get(ref.kind), run_of_name(ref.name)
    if known is None or known.is_deadline_switch is None or run is None or not known.is_deadline_switch(ref.name):
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
    removal = next((one for one in removed if one.ref.kind == cluster.Cluster.kind and one.ref.name == name), None)
    if removal is None:
        return cluster.has_tasks(aws, name)
    return removal.error is not None and not removal.foreign


def _shown_foreign(aws: Aws, ref: Ref, types: Registry) -> bool:
    """An answer that can't be had is no reason to let a machine bill."""
    try:
        return apply.is_foreign(aws, ref, types)
    except AwsRunError:
        return False


class _ForeignError(AwsRunError):
    """What doesn't carry our tag is not ours."""


def _remove_one(aws: Aws, ref: Ref, clock: Clock, types: Registry) -> Removal:
    def attempt() -> bool:
        try:
            # One that isn't listed is deleted all the same: what was made seconds ago may not be listed everywhere yet.
            if apply.is_foreign(aws, ref, types):
                raise _ForeignError("it does not carry aws-run's tag, so it was left alone")
            apply.delete(aws, ref, clock, types)
            return apply.absent(aws, ref, types)
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
        clock.sleep(1.0)
        if wait_until(clock, lambda: apply.absent(aws, ref, types), for_s=8.0, first_wait_s=1.0, longest_wait_s=1.0):
            return Removal(ref=ref)
        return Removal(ref=ref, error="AWS still lists it")
    except _ForeignError as error:
        return Removal(ref=ref, error=error.message, foreign=True)
    except AwsRunError as error:
        return Removal(ref=ref, error=error.message)


def commands(ref: Ref, region: str, types: Registry = RESOURCE_TYPES) -> tuple[str, ...]:
    """What finishes by hand what could not be shown to be gone; nothing for a type that isn't known."""
    known = types.get(ref.kind)
    return known.manual_commands(ref.name, region) if known else ()
