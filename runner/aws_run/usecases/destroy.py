"""`aws-run destroy`: a project's shared resources, and with `everything` its images and all that it has in the bucket.

The bucket is the account's, and so is its `arun-network`. Other projects' results in the bucket are
none of this project's: both go with the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace

from aws_run import naming
from aws_run.aws.errors import DENIED
from aws_run.errors import AwsCallError, AwsRunError
from aws_run.events import Event, Notice, TeardownStep
from aws_run.frozen import frozen
from aws_run.hints import command, quoted
from aws_run.infra import apply
from aws_run.infra.bucket_names import own_bucket
from aws_run.infra.remove import Removal, remove
from aws_run.infra.resource_types import bucket as buckets
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.network import Network
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resources import Ref
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.run_status import current_status
from aws_run.report.format import count
from aws_run.runs.store import RunStore

_LASTS_S = 15 * 60  # of the lock: some millions of versions go under it; one that died with it blocks nobody for longer

_SETTLED_AT_ONCE = 8

_OF_THE_ACCOUNT = (Bucket.kind, Network.kind)


@frozen
class DestroyPlan:
    """`live_runs`: runs that still use it. `data`: of the bucket only what is this project's goes, since `others`
    (their names, and how many runs of each are recorded) have something in it, too."""

    refs: tuple[Ref, ...]
    live_runs: tuple[str, ...]
    data: bool = False
    others: Mapping[str, int] = field(default_factory=dict)


def plan_destroy(context: AppContext, project: str, *, everything: bool) -> DestroyPlan:
    """What would go: only what is there."""
    identity = context.aws.identity()
    store = lookup.store(context)
    wanted, others, data = list(teardown.shared_of(project, identity.region)), {}, False
    if everything:
        wanted.append(Ref(kind=Repository.kind, name=naming.repository_name(project), scope="kept"))
        projects = store.projects()
        data = project in projects
        others = {name: count for name, count in projects.items() if name != project}
        if not others:
            wanted.append(_bucket(context))
    present = tuple(ref for ref in wanted if not apply.absent(context.aws, ref))
    if everything and not others:
        present += _network(context)
    whole = any(ref.kind == Bucket.kind for ref in present)
    return DestroyPlan(
        refs=present,
        live_runs=_users(store, project, whole_bucket=whole),
        data=data and not whole,
        others=dict(sorted(others.items())),
    )


def _bucket(context: AppContext) -> Ref:
    return Ref(kind=Bucket.kind, name=own_bucket(context.aws), scope="kept")


def _network(context: AppContext) -> tuple[Ref, ...]:
    """The account's own network, where there is one. Who may not look for it has made none."""
    network = Ref(kind=Network.kind, name=naming.NETWORK, scope="kept")
    try:
        return () if apply.absent(context.aws, network) else (network,)
    except AwsCallError as error:
        if error.code not in DENIED:
            raise
        context.emit(Notice(text=f"aws-run's own network was not looked for: {error.message}"))
        return ()


def _users(store: RunStore, project: str, *, whole_bucket: bool) -> tuple[str, ...]:
    """The runs that stand on what is to go: the project's, or with the account's bucket all of them."""
    return tuple(run for run in store.locks.live() if whole_bucket or naming.project_of_run(run) == project)


def destroy(context: AppContext, project: str, removable: DestroyPlan) -> teardown.TeardownResult:
    """AwsRunError while runs are alive: their machines would lose the roles they stand on."""
    _settle(context, removable.live_runs)
    store = lookup.store(context)
    if not store.exists():
        return teardown.TeardownResult(
            removed=remove(context.aws, removable.refs, context.clock, context.emit), kept=()
        )
    whole = any(ref.kind == Bucket.kind for ref in removable.refs)
    _refuse(_users(store, project, whole_bucket=whole))
    owner = f"destroy-{context.salt()}"
    if not store.locks.lock(project, owner, context.clock, lasts_s=_LASTS_S):
        raise AwsRunError(
            "Somebody else is removing this project's resources right now",
            hint="try again in a minute; the lock of a client that died ends after a quarter of an hour",
        )
    try:
        # One may have started in the meantime: a start marks itself and then looks for the lock.
        _refuse(_users(store, project, whole_bucket=whole))
        _refuse_newcomers(store, project, whole)
        projects = [ref for ref in removable.refs if ref.kind not in _OF_THE_ACCOUNT]
        removed = remove(context.aws, projects, context.clock, context.emit)
        if removable.data or whole:
            removed = (*removed, _remove_data(context, project))
        if whole and not removed[-1].error:
            # Emptying takes its time, and the lock is this project's: another's run may have begun meanwhile.
            _refuse(_users(store, project, whole_bucket=True))
            _refuse_newcomers(store, project, whole)
            accounts = [ref for ref in removable.refs if ref.kind in _OF_THE_ACCOUNT]
            removed = (*removed[:-1], *remove(context.aws, accounts, context.clock, context.emit))
    finally:
        if store.exists():
            store.locks.unlock(project, owner)
    return teardown.TeardownResult(removed=removed, kept=())


def _settle(context: AppContext, runs: Sequence[str]) -> None:
    """Finishes those that have ended with nobody at them, as `status` does: a detached run whose end nobody has noted
    needs nothing any more. The others stay as they are."""
    if not runs:
        return
    context.emit(Notice(text=f"looking at {count(len(runs), 'run')} that may still need what is to go"))

    def emit(event: Event) -> None:
        """What can't be removed is told; the rest is no removal that was wanted."""
        if isinstance(event, Notice) and event.level == "warning":
            context.emit(event)

    quiet = replace(context, emit=emit)

    def settle(run: str) -> None:
        try:
            status = current_status(quiet, lookup.open_run(quiet, run, None))
        except AwsRunError as error:
            context.emit(Notice(text=f"{run} could not be looked at: {error.message}", level="warning"))
            return
        if status.record.state == "removed":
            context.emit(Notice(text=f"{run} had ended; its result is noted, and what it used is removed"))

    with ThreadPoolExecutor(max_workers=_SETTLED_AT_ONCE, thread_name_prefix="settle") as pool:
        list(pool.map(settle, runs))


def _refuse_newcomers(store: RunStore, project: str, whole: bool) -> None:
    if whole and (new := sorted(set(store.projects()) - {project})):
        raise AwsRunError(
            f"{', '.join(new)} was added to the bucket in the meantime",
            hint="run " + quoted("destroy") + " again to see it",
        )


def _remove_data(context: AppContext, project: str) -> Removal:
    """The project's inputs and runs, every version of them."""
    name = _bucket(context).name
    shown = Ref(kind=Bucket.kind, name=f"{name}, the data of {project}", scope="kept")
    context.emit(TeardownStep(kind="bucket", name=shown.name, state="removing"))
    try:
        _empty(context, project, replace(shown, name=name))
    except AwsRunError as error:
        context.emit(TeardownStep(kind="bucket", name=shown.name, state="failed", detail=error.message))
        return Removal(ref=shown, error=error.message)
    context.emit(TeardownStep(kind="bucket", name=shown.name, state="gone"))
    return Removal(ref=shown)


def _empty(context: AppContext, project: str, bucket: Ref) -> None:
    if apply.is_foreign(context.aws, bucket):
        raise AwsRunError("the bucket does not carry aws-run's tag, so it was left alone")
    buckets.empty(context.aws, bucket.name, f"inputs/{project}/")

    def of_the_project(key: str) -> bool:
        """Another project's name may begin with this one's."""
        run = key.split("/")[1]
        return naming.is_run_id(run) and naming.project_of_run(run) == project

    for folder in ("runs", "live", "leaving"):
        buckets.empty(context.aws, bucket.name, f"{folder}/{project}-", of_the_project)


def _refuse(live_runs: tuple[str, ...]) -> None:
    if live_runs:
        raise AwsRunError(
            f"These resources are still used by {count(len(live_runs), 'run')}: {', '.join(live_runs)}",
            hint=command("cancel", live_runs[0]),
        )
