"""`aws-run destroy`: a project's shared resources, and with `everything` its repository and the account's bucket."""

from __future__ import annotations

from dataclasses import dataclass

from aws_run import naming
from aws_run.errors import AwsRunError
from aws_run.infra import apply
from aws_run.infra.remove import remove
from aws_run.infra.resources import Ref
from aws_run.usecases import finish, runs
from aws_run.usecases.bench import Bench


@dataclass(frozen=True, kw_only=True)
class Doomed:
    refs: tuple[Ref, ...]
    live_runs: tuple[str, ...]


def look(bench: Bench, project: str, *, everything: bool) -> Doomed:
    """What would go: only what is there. `live_runs`: runs that still use it."""
    identity = bench.aws.identity()
    names = naming.ProjectNames(project=project, region=identity.region)
    wanted = [
        Ref(kind="log-group", name=names.log_group, scope="shared"),
        Ref(kind="role", name=names.execution_role, scope="shared"),
        Ref(kind="role", name=names.instance_role, scope="shared"),
    ]
    if everything:
        wanted.append(Ref(kind="repository", name=naming.repository_name(project), scope="kept"))
        wanted.append(Ref(kind="bucket", name=naming.bucket_name(identity.account, identity.region), scope="kept"))
    present = tuple(ref for ref in wanted if not apply.absent(bench.aws, ref))
    live = runs.store(bench).live()
    mine = tuple(run for run in live if everything or naming.project_of_run(run) == project)
    return Doomed(refs=present, live_runs=mine)


def destroy(bench: Bench, project: str, doomed: Doomed) -> finish.Teardown:
    """AwsRunError while runs are alive: their machines would lose the roles they stand on."""
    if doomed.live_runs:
        raise AwsRunError(
            f"{len(doomed.live_runs)} run(s) still use these resources: {', '.join(doomed.live_runs)}",
            hint=f"aws-run cancel {doomed.live_runs[0]}",
        )
    store = runs.store(bench)
    if not store.exists():
        return finish.Teardown(removed=remove(bench.aws, doomed.refs, bench.clock, bench.emit), kept=())
    if not store.lock(project, f"destroy-{bench.salt()}", bench.clock):
        raise AwsRunError("Somebody else is removing this project's resources right now", hint="try again in a minute")
    try:
        removed = remove(bench.aws, doomed.refs, bench.clock, bench.emit)
    finally:
        if store.exists():
            store.unlock(project)
    return finish.Teardown(removed=removed, kept=())
