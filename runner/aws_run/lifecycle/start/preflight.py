"""Everything that is read before a run is decided. Nothing is written, so a plan and a refusal cost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from aws_run import naming
from aws_run.aws.session import Identity
from aws_run.backends import disk
from aws_run.backends.base import Backend, Stage
from aws_run.backends.executor import TaskRequest
from aws_run.config import Config
from aws_run.config.models import Arguments, Input
from aws_run.data import SNAPSHOT_SUFFIX, InputSnapshot, InputSummary, inspect_input, snapshot_key
from aws_run.errors import AwsCallError, UsageError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.image.base import BaseImage, not_had_hint
from aws_run.image.plan import ImagePlan, plan_image
from aws_run.image.recipe.git_state import GitState, git_state
from aws_run.image.sources.source import SourceFile
from aws_run.image.sources.too_many import too_many, whole_machine
from aws_run.infra import desired
from aws_run.infra.bucket_names import own_bucket
from aws_run.infra.named import check_named
from aws_run.infra.observe import observe
from aws_run.infra.policies import ReadOnly
from aws_run.infra.resource_types import repository as repositories
from aws_run.infra.resource_types import role as roles
from aws_run.infra.resource_types.base import Observation
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Ref, Resource
from aws_run.lifecycle import budget
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.history import billed_factor, earlier_runs
from aws_run.lifecycle.outside import outside_notes
from aws_run.looking import Looking
from aws_run.pricing.estimate import PastRun, estimate
from aws_run.pricing.hardware import backend_for
from aws_run.pricing.network_path import NatCharge, nat_charge
from aws_run.runs.objects import ABSENT
from aws_run.runs.record import EstimateEntry
from aws_run.runs.spec import JobSpec, Offer, RunSpec
from aws_run.runs.store import RunStore


@frozen
class Preflight:
    """`image` None: a ready image was named. `image_digest` None: there is no such image yet."""

    config: Config
    job: JobSpec
    identity: Identity
    bucket: str
    offer: Offer
    image: ImagePlan | None
    image_digest: str | None
    kept: dict[Ref, Observation]
    inputs: tuple[InputSummary, ...] = ()
    about_image: tuple[str, ...] = ()  # sentences for the plan on what was chosen for the image
    notes: tuple[str, ...] = ()  # sentences for the plan on all else
    git: GitState | None = None  # of the project's folder
    branch: str = ""
    nat: NatCharge | None = None  # what the way to S3 charges for input and image
    past: tuple[PastRun, ...] = ()  # what the project's earlier runs took

    @property
    def kms_key(self) -> str | None:
        """The key that encrypts the bucket: the job's, or the one that another project has given it."""
        there = next((seen.value for at, seen in self.kept.items() if at.kind == Bucket.kind), "")
        return self.job.kms_key or there or None


def _results_text(folders: Sequence[str]) -> str:
    names = ", ".join(f"{folder}/" for folder in folders)
    verbs = (
        "holds results of an earlier run and stays" if len(folders) == 1 else "hold results of earlier runs and stay"
    )
    return f"{names} {verbs} out of the image"


def run_preflight(
    config: Config, context: AppContext, stored: tuple[InputSnapshot, ...] = ()
) -> tuple[Preflight, Backend]:
    """Two levels of round trips: who we are, then everything else side by side. `stored`: inputs beside those of
    `config` that an earlier client has sent."""
    image = None if config.image else _look_at_sources(config, context)
    if image is not None and image.source.results:
        context.emit(Notice(text=_results_text(image.source.results)))
    if image is not None:
        first, second = image.arguments
        config = replace(config, arguments=Arguments(input=first, output=second))
    job = JobSpec.from_config(config)
    backend = context.backends[backend_for(job)]
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="preflight") as pool, _stopping(context):
        based = pool.submit(context.find_base, image, config.build.refresh_base) if image else None
        identity = context.aws.identity()
        image = based.result() if based else None
    bucket = desired.bucket(job, name=own_bucket(context.aws), account=identity.account, region=identity.region)
    repository = desired.repository(job, {})
    with ThreadPoolExecutor(max_workers=6, thread_name_prefix="preflight") as pool, _stopping(context):
        sources = pool.submit(git_state, config.project_dir) if image else None
        kept = pool.submit(observe, context.aws, (bucket, repository))
        digest = pool.submit(repositories.image_digest, context.aws, repository.name, image.tag) if image else None
        ready = pool.submit(repositories.ready_image, context.aws, config.image) if config.image else None
        named = pool.submit(check_named, context.aws, job)
        offered = pool.submit(backend.inspect, job)
        store = RunStore(context.aws, bucket.name, identity.account)
        past = pool.submit(earlier_runs, context, store, config.name)
        there = [pool.submit(_stored_summary, context, bucket.name, identity.account, one) for one in stored]
        seen = [pool.submit(_look_at_input, one, config, context) for one in config.inputs]
        existing_image = digest.result() if digest else None
        if image is not None and existing_image is None:
            _warn_of_base(image.base, context)
        about_image = image.notes if image is not None else ()
        given = ready.result() if ready else None
        if given is not None:
            repositories.refuse_other_arch(given, config.resources.arch)
            job, about_image = replace(job, image=given.uri), given.notes
        inputs = tuple(one.result() for one in (*there, *seen))
        contents = disk.Contents(
            input_bytes=sum(one.bytes for one in inputs),
            image_bytes=existing_image[1] or None if existing_image else None,
            gpu=config.resources.gpu is not None,
        )
        backend, offer = _with_enough_disk(config, job, context, (backend, offered.result()), contents)
        room = disk.size(backend.disk_limits, config.resources, offer.hardware.disk_gib, contents)
        if room.warning:
            context.emit(Notice(text=room.warning, hint=room.hint, level="warning"))
        nat = nat_charge(offer, bytes_from_s3=contents.input_bytes + (contents.image_bytes or 0))
        return Preflight(
            config=config,
            job=job,
            identity=identity,
            bucket=bucket.name,
            offer=replace(offer, hardware=replace(offer.hardware, disk_gib=room.gib)),
            image=image,
            image_digest=existing_image[0] if existing_image else None,
            kept=dict(kept.result()),
            git=sources.result() if sources else None,
            branch=context.branch(config.project_dir),
            nat=nat,
            past=past.result(),
            inputs=inputs,
            about_image=tuple(filter(None, (*about_image, _base_note(image, context)))),
            notes=(
                *(note for note in (room.note, _memory_note(image, backend)) if note),
                *offer.network.notes,
                *named.result(),
                *outside_notes(config),
            ),
        ), backend


def _with_enough_disk(
    config: Config, job: JobSpec, context: AppContext, chosen: tuple[Backend, Offer], contents: disk.Contents
) -> tuple[Backend, Offer]:
    """What was chosen, or, with `--backend auto`, the backend with the largest disks where the contents do not fit."""
    backend, _ = chosen
    if config.backend != "auto" or disk.fits(backend.disk_limits, config.resources, contents):
        return chosen
    backend = max(context.backends.values(), key=lambda one: one.disk_limits.most)
    return backend, backend.inspect(job)


@contextmanager
def _stopping(context: AppContext) -> Iterator[None]:
    """An interrupt ends what other threads are waiting for: a program, a folder or a listing. An error does not:
    `bench` goes on with its next machine."""
    try:
        yield
    except KeyboardInterrupt:
        context.stop.set()
        raise


def _warn_of_base(base: BaseImage | None, context: AppContext) -> None:
    """Of a base image that this machine's engine does not get: its builder may have a login or a mirror of its own."""
    if base is not None and base.problem is not None:
        text = f"{base.problem}; the build fails unless its builder can fetch it"
        context.emit(Notice(text=text, level="warning", hint=not_had_hint()))


def _look_at_sources(config: Config, context: AppContext) -> ImagePlan:
    """UsageError where they are so many that nobody can have meant it, and nobody says that it is meant."""

    def accept(files: Sequence[SourceFile]) -> None:
        ask(too_many(files, root=config.project_dir))

    def ask(doubt: UsageError | None) -> None:
        if doubt is not None and not config.yes:
            context.agree(doubt)

    ask(whole_machine(config.project_dir, Path("~").expanduser()))
    with Looking("the sources", context.emit, context.clock) as on_seen:
        return plan_image(config, _not_in_the_image(config), on_seen=on_seen, accept=accept)


def _look_at_input(one: Input, config: Config, context: AppContext) -> InputSummary:
    what = "the input" if one.name is None else f"the input {one.name}"
    with Looking(what, context.emit, context.clock) as on_seen:
        seen = inspect_input(
            one,
            context.storage,
            emit=context.emit,
            project=config.name,
            exclude=config.exclude,
            follow_links=config.follow_links,
            cancel=context.stop,
            on_seen=on_seen,
        )
    if not seen.files:
        text = f"{what} is empty: there is no file in {one.place}"
        context.emit(Notice(text=text, level="warning", hint="name the folder with the data with -i"))
    return seen


def _stored_summary(context: AppContext, bucket: str, account: str, one: InputSnapshot) -> InputSummary:
    """UsageError where the list of the input's files is no longer in the bucket."""
    version = {"VersionId": one.version_id} if one.version_id else {}
    try:
        context.aws.call(
            "s3", "head_object", Bucket=bucket, Key=one.snapshot_key, ExpectedBucketOwner=account, **version
        )
    except AwsCallError as error:
        if error.code not in (*ABSENT, "NoSuchVersion", "400"):  # a HEAD says no more of a version id it can't read
            raise
        raise UsageError(
            f"The stored input {one.label} is not in {bucket}: it was sent in another account or region, or "
            "a newer one has replaced it more than 30 days ago",
            hint="submit the project again; "
            + quoted("start")
            + " also takes another input, with -i s3://BUCKET/PREFIX",
        ) from error
    return InputSummary(
        name=one.into or None, place=f"s3://{bucket}/{one.prefix}", files=one.files, bytes=one.bytes, stored=one
    )


def _base_note(image: ImagePlan | None, context: AppContext) -> str | None:
    if image is None or image.base is None:
        return None
    note = image.base.describe(context.clock.now())
    return f"{note}; --refresh-base asks for a newer one" if image.base.digest else note


def _memory_note(image: ImagePlan | None, backend: Backend) -> str | None:
    if image is None or image.memory_sharer is None or backend.shared_memory_mib is None:
        return None
    return (
        f"{image.memory_sharer} shares memory between processes, for which {backend.name.capitalize()} has "
        f"{backend.shared_memory_mib} MB in /dev/shm and no more; "
        "--backend ec2 gives it as much as the job has"
    )


def _not_in_the_image(config: Config) -> tuple[Path, ...]:
    """The data travels by S3: -i and -o never enter the image, even when they lie inside the project."""
    return (*config.input_folders, *([config.output] if config.output else []))


@frozen
class RunPlan:
    """One run with its name: the spec, and all it will make, by scope."""

    spec: RunSpec
    kept: tuple[Resource, ...]
    shared: tuple[Resource, ...]
    roles: tuple[Role, ...]  # the run's own
    stages: tuple[Stage, ...]  # the backend's resources, in the order of creation
    output: Path | None = None  # where this client puts the results
    follow_output: bool = False  # while the job runs, not only after it
    estimate: EstimateEntry | None = None  # None: no earlier run tells

    @property
    def own(self) -> tuple[Resource, ...]:
        """The backend's resources of this run."""
        return tuple(resource for stage in self.stages for resource in stage.resources)

    @property
    def all(self) -> tuple[Resource, ...]:
        return (*self.kept, *self.shared, *self.roles, *self.own)


def owner_of(identity: Identity) -> str:
    """Who starts a run, as its tag aws-run:owner names it: a user, or the session of a role."""
    return identity.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def plan_run(preflight: Preflight, backend: Backend, context: AppContext) -> RunPlan:
    """Names everything. Pure but for the clock and the salt."""
    job, identity = preflight.job, preflight.identity
    account, region = identity.account, identity.region
    now = context.clock.now()
    run_id = naming.new_run_id(job.name, now, context.salt())
    timeout_s = budget.timeout_s(job, preflight.offer, backend)
    deadline = now + timedelta(seconds=timeout_s)
    owner = owner_of(identity)
    project_tags = desired.tags(job, owner=owner)
    run_tags = desired.tags(job, owner=owner, run_id=run_id, expires=deadline)
    execution = desired.execution_role(job, account=account, region=region, run_id=run_id, tags=project_tags)
    task = desired.task_role(
        job,
        account=account,
        region=region,
        bucket=preflight.bucket,
        run_id=run_id,
        tags=run_tags,
        read=_elsewhere(preflight),
        kms_key=preflight.kms_key,
    )
    spec = RunSpec(
        run_id=run_id,
        account=account,
        region=region,
        bucket=preflight.bucket,
        job=job,
        offer=preflight.offer,
        execution_role=roles.arn(account, execution.name, region=region),
        task_role_arn=roles.arn(account, task.name, region=region) if task else job.iam.task_role,
        tags=run_tags,
        created_at=now,
        deadline=deadline,
        timeout_s=timeout_s,
        idle_s=budget.idle_s(backend, timeout_s),
        ending_s=backend.ending_s,
        cap_s=budget.cap_s(job, preflight.offer, backend),
        command=preflight.image.command if preflight.image is not None else job.command,
    )
    likely = tuple(_likely(one, job.name, spec.keys.inputs) for one in preflight.inputs)
    backend.executor.refuse_too_large(TaskRequest(spec=spec, definition="", inputs=likely, deadline=deadline))
    own_roles = [task] if task else []
    if execution.scope != "shared":
        own_roles.append(replace(execution, tags=run_tags))
    return RunPlan(
        spec=spec,
        kept=_kept(preflight, project_tags),
        shared=(
            desired.log_group(job, region=region, tags=project_tags),
            *((execution,) if execution.scope == "shared" else ()),
            *backend.shared_resources(job, account=account, region=region, tags=project_tags),
        ),
        roles=tuple(own_roles),
        stages=backend.stages(spec),
        output=preflight.config.output,
        follow_output=preflight.config.follow_output,
        estimate=estimate(
            preflight.past,
            preflight.offer.hardware,
            usd_per_hour=budget.expected_hour_usd(backend, preflight.offer),
            boot_s=backend.boot_s,
            most_s=budget.billed_at_most_s(spec),
            factor=billed_factor(context),
        ),
    )


def _kept(preflight: Preflight, project_tags: Mapping[str, str]) -> tuple[Resource, ...]:
    job, identity = preflight.job, preflight.identity
    bucket = desired.bucket(job, name=preflight.bucket, account=identity.account, region=identity.region)
    return (bucket,) if preflight.image is None else (bucket, desired.repository(job, project_tags))


def _likely(seen: InputSummary, project: str, folder: str) -> InputSnapshot:
    """A snapshot as long as the one that sending or pinning the input will return. S3's version ids have 32 letters."""
    if seen.stored is not None:
        return seen.stored
    label = seen.name or naming.input_label(seen.place)
    key = f"{folder}{label}{SNAPSHOT_SUFFIX}" if seen.pinned is not None else snapshot_key(project, label)
    return InputSnapshot(
        snapshot_key=key,
        version_id="0" * 32,
        label=label,
        into=seen.name or "",
        files=seen.files,
        bytes=seen.bytes,
        sent_files=0,
        sent_bytes=0,
        deleted_files=0,
        unchanged=False,
    )


def _elsewhere(preflight: Preflight) -> tuple[ReadOnly, ...]:
    """What the job reads where it lies."""
    pins = [one.pinned for one in preflight.inputs if one.pinned is not None]
    return tuple(ReadOnly(bucket=p.uri.bucket, prefix=p.prefix, exact=p.single, own=p.own) for p in pins)
