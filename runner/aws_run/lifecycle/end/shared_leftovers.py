"""What the runs of a project share (roles, a log group) while none of them is alive: kept for the next run by default,
since it costs nothing. `gc` removes it by the cloud's own listings, for every project of the account and region."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from aws_run import naming
from aws_run.errors import sentence_of
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.infra.listing import list_shared
from aws_run.infra.remove import Removal, remove
from aws_run.infra.resources import Ref
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.end.project_lock import lock_unused
from aws_run.runs.store import RunStore


@frozen
class SharedLeftover:
    """What one project's runs share. `why` says why it goes or stays."""

    project: str
    refs: tuple[Ref, ...]
    removable: bool
    why: str


def find_shared(
    context: AppContext, on_refused: Callable[[str], None] = lambda message: None
) -> tuple[SharedLeftover, ...]:
    """Reads only. `on_refused` hears of each kind that could not be listed, by a sentence."""
    by_project: dict[str, list[Ref]] = {}
    for ref in list_shared(context.aws, on_refused):
        project = naming.project_of_shared(ref.name, context.aws.identity().region)
        if project is not None:
            by_project.setdefault(project, []).append(ref)
    if not by_project:
        return ()
    live: dict[str, str] = {naming.project_of_run(run): run for run in lookup.store(context).locks.live()}
    return tuple(
        SharedLeftover(
            project=project,
            refs=tuple(refs),
            removable=project not in live,
            why=f"used by {live[project]}" if project in live else "no run of the project uses it",
        )
        for project, refs in sorted(by_project.items())
    )


def collect_shared(context: AppContext, leftovers: Iterable[SharedLeftover]) -> tuple[Removal, ...]:
    """Removes what is removable and still is under the project's lock; one project's trouble stops no other's."""
    store = lookup.store(context)
    removed: list[Removal] = []
    for item in (item for item in leftovers if item.removable):
        try:
            removed += _collect_one(context, store, item)
        except Exception as error:  # noqa: BLE001 - one project's trouble keeps no other's from being removed
            context.emit(Notice(text=f"{item.project}: {sentence_of(error)}", level="warning"))
            removed += [Removal(ref=ref, error=sentence_of(error)) for ref in item.refs]
    return tuple(removed)


def _collect_one(context: AppContext, store: RunStore, item: SharedLeftover) -> tuple[Removal, ...]:
    if not store.exists():  # `destroy --everything` took it, and no run lives without it
        return remove(context.aws, item.refs, context.clock, context.emit)
    owner = f"gc {uuid.uuid4().hex}"
    lock = lock_unused(store, item.project, owner, context.clock, context.emit)
    if lock is None:
        return ()  # a run has started meanwhile, and uses it
    try:
        return lock.remove(context.aws, item.refs, context.clock, context.emit)
    finally:
        teardown.attempt_or_warn(context.emit, lambda: store.locks.unlock(item.project, owner))
