"""`aws-run destroy`: a project's shared resources, and with `everything` its repository and the account's bucket."""

from __future__ import annotations

from dataclasses import dataclass

from aws_run import naming
from aws_run.aws.session import Identity
from aws_run.errors import AwsRunError
from aws_run.infra import apply
from aws_run.infra.remove import remove
from aws_run.infra.resources import Ref
from aws_run.infra.store import RunStore
from aws_run.usecases import finish, runs
from aws_run.usecases.bench import Bench


@dataclass(frozen=True, kw_only=True)
class Doomed:
    refs: tuple[Ref, ...]
    live_runs: tuple[str, ...]


def look(bench: Bench, project: str, *, everything: bool) -> Doomed:
    """What would go: only what is there. `live_runs`: runs that still use it."""
    identity = bench.aws.identity()
    wanted = _wanted(project, identity, everything=everything)
    present = tuple(ref for ref in wanted if not apply.absent(bench.aws, ref))
    return Doomed(refs=present, live_runs=_users(runs.store(bench), project, everything=everything))


def _users(store: RunStore, project: str, *, everything: bool) -> tuple[str, ...]:
    """The runs that stand on what is to go: the project's, or with the account's bucket all of them."""
    return tuple(run for run in store.live() if everything or naming.project_of_run(run) == project)


def _wanted(project: str, identity: Identity, *, everything: bool) -> list[Ref]:
    wanted = list(finish.shared_of(project, identity.region))
    if everything:
        wanted.append(Ref(kind="repository", name=naming.repository_name(project), scope="kept"))
        wanted.append(Ref(kind="bucket", name=naming.bucket_name(identity.account, identity.region), scope="kept"))
    return wanted


def destroy(bench: Bench, project: str, doomed: Doomed) -> finish.Teardown:
    """AwsRunError while runs are alive: their machines would lose the roles they stand on."""
    _refuse(doomed.live_runs)
    store = runs.store(bench)
    if not store.exists():
        return finish.Teardown(removed=remove(bench.aws, doomed.refs, bench.clock, bench.emit), kept=())
    owner = f"destroy-{bench.salt()}"
    if not store.lock(project, owner, bench.clock):
        raise AwsRunError("Somebody else is removing this project's resources right now", hint="try again in a minute")
    try:
        # One may have started since `look`: a start marks itself and then looks for the lock.
        _refuse(_users(store, project, everything=any(ref.kind == "bucket" for ref in doomed.refs)))
        removed = remove(bench.aws, doomed.refs, bench.clock, bench.emit)
    finally:
        if store.exists():
            store.unlock(project, owner)
    return finish.Teardown(removed=removed, kept=())


def _refuse(live_runs: tuple[str, ...]) -> None:
    if live_runs:
        raise AwsRunError(
            f"{len(live_runs)} run(s) still use these resources: {', '.join(live_runs)}",
            hint=f"aws-run cancel {live_runs[0]}",
        )
