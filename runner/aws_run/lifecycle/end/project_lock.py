"""The right to remove what a project's runs share, for a client that has seen that none of them is alive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.events import Emit
from aws_run.frozen import frozen
from aws_run.infra.remove import Removal, remove
from aws_run.infra.resources import Ref
from aws_run.naming import project_of_run
from aws_run.runs.locks import LOCK_FENCE_S
from aws_run.runs.store import RunStore


@frozen
class ProjectLock:
    """The project's lock in this client's hands. `until`: whoever slept past it leaves the removing to others."""

    owner: str
    until: datetime

    def remove(
        self,
        aws: Aws,
        wanted: Iterable[Ref],
        clock: Clock,
        emit: Emit,
        *,
        on_gone: Callable[[Ref], None] = lambda ref: None,
    ) -> tuple[Removal, ...]:
        if clock.now() > self.until:
            return tuple(Removal(ref=ref, error="this client slept, and others may use it now") for ref in wanted)
        return remove(aws, wanted, clock, emit, on_gone=on_gone)


def lock_unused(
    store: RunStore, project: str, owner: str, clock: Clock, emit: Emit, *, ending: str | None = None
) -> ProjectLock | None:
    """The project's lock, where no run of it is alive but for the one that is `ending`; none starts before the lock is
    gone. Another client that has it (of another run that ends, or of this one) is waited for: it may have seen this
    run's mark and left things to us."""
    try:
        while not store.locks.lock(project, owner, clock):
            store.locks.wait_until_unlocked(project, clock, emit)
    except Exception:  # noqa: BLE001 - what nobody can tell is left to whoever can
        return None
    until = clock.now() + timedelta(seconds=LOCK_FENCE_S)
    try:
        if all(run == ending or project_of_run(run) != project for run in store.locks.live()):
            return ProjectLock(owner=owner, until=until)
        store.locks.unlock(project, owner)
    except Exception:  # noqa: BLE001 - a lock that is left is passed over when its time is up
        return None
    return None
