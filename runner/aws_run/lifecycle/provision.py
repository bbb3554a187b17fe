"""From a decided run to an accepted task: the record, then capacity, image and input side by side, then RunTask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from aws_run import naming
from aws_run.backends.base import Backend
from aws_run.backends.ecs import container
from aws_run.clock import iso
from aws_run.data import InputSnapshot, keep_pin, push_input
from aws_run.documents import harmless
from aws_run.errors import EXIT_INTERRUPT, AwsCallError, AwsRunError, RunNotFoundError
from aws_run.events import LaneProgress, Notice
from aws_run.image.builder import RegistryLogin
from aws_run.infra import apply
from aws_run.infra.plan import Step, plan
from aws_run.infra.resource_types.capacity_provider import CapacityProvider
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resources import Kind, Ref, Resource, ref
from aws_run.lifecycle import budget, run_task
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.lanes import LaneRunner
from aws_run.lifecycle.lease import Lease
from aws_run.lifecycle.preflight import Preflight, RunPlan
from aws_run.lifecycle.silence import Silence
from aws_run.pricing import table
from aws_run.runs.record import HardwareEntry, Origin, Outcome, Record, ResourceEntry, TaskHandle
from aws_run.runs.spec import InputPin, Offer
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_RENEW_EVERY_S = 5 * 60


@dataclass(frozen=True, kw_only=True)
class AcceptedTask:
    """`request(n)`: RunTask's parameters for the n-th attempt."""

    task_arn: str
    deadline: datetime
    capped: bool  # `--max-cost` ends the job before its timeout does
    request: Callable[[int], dict[str, Any]]


def initial_record(
    decided: RunPlan,
    found: Preflight,
    backend: Backend,
    owner: str,
    *,
    origin: Origin = "cli",
    origin_detail: str = "",
) -> Record:
    """All names are known, so all intent is in the very first write."""
    spec = decided.spec
    intended = [*map(ref, (*decided.all, backend.task_definition(spec, ""))), *backend.deferred_resources(spec)]
    record = Record(
        run_id=spec.run_id,
        project=spec.job.name,
        account=spec.account,
        region=spec.region,
        created_at=iso(spec.created_at),
        deadline=iso(spec.deadline),
        origin=origin,
        origin_detail=harmless(origin_detail),
        job=spec.job.without_values().to_json(),
        backend=backend.name,
        hardware=_priced(backend, found.offer),
        command=" ".join(found.image.command) if found.image and found.image.command else "",
        base_image=found.image.base.label if found.image and found.image.base else "",
        output_prefix=spec.keys.output,
        log_group=spec.project.log_group,
        keep=spec.job.keep,
        owner=owner,
        resources=tuple(ResourceEntry(kind=r.kind, name=r.name, scope=r.scope) for r in intended),
    )
    return record.with_attempt(1)


def _priced(backend: Backend, offer: Offer) -> HardwareEntry:
    """The hardware with what an hour of it costs by the table; without a price where the table has none."""
    usd = budget.hour_usd(backend, offer)
    if usd is None:
        return offer.hardware
    source = f"aws-run's table, {table.PRICED_REGION}"
    return replace(offer.hardware, usd_per_hour=f"{usd:f}", priced_on=table.PRICED_ON, price_source=source)


class Provisioning:
    """One run's start. Every resource that is made is noted in the record when it is there."""

    def __init__(
        self,
        context: AppContext,
        backend: Backend,
        found: Preflight,
        decided: RunPlan,
        writer: RecordWriter,
        runner: LaneRunner,
    ) -> None:
        self._silence = Silence(context.emit, context.clock, budget.start_s(decided.spec.job))
        self._context = replace(context, emit=self._silence.emit)
        self._backend = backend
        self._found = found
        self._decided = decided
        self._writer = writer
        self._runner = runner
        self._lease = Lease(backend, decided.spec, context.clock, context.emit)

    # -- the lanes ------------------------------------------------------------------------------------------------

    def start(self, steps: tuple[Step, ...]) -> AcceptedTask:
        """Raises whatever the first failing lane raised; the caller tears down."""
        spec = self._decided.spec
        self._runner.start("capacity", spec.offer.hardware.description, lambda: self._capacity(steps))
        self._runner.start("image", "looking at the sources", self._image)
        self._runner.start("input", "looking at the input", self._input)
        results = self._runner.join(self._while_waiting(), every_s=0.05)
        definition, source = results["image"], results["input"]
        assert isinstance(definition, str)
        assert isinstance(source, tuple)
        return self._run_task(definition, source)

    def _make(self, resource: Resource) -> str | None:
        self._runner.check()
        self._context.emit(LaneProgress(lane="capacity", text=f"{resource.kind} {resource.name}"))
        made = apply.create(self._context.aws, resource, self._context.clock)
        self._note(resource, made)
        return made

    def _note(self, resource: Resource, made: str | None) -> None:
        self._writer.change(lambda record: record.with_resource(resource.kind, resource.name, "created", made))

    def _capacity(self, steps: tuple[Step, ...]) -> tuple[None, str, bool]:
        """Roles, log group and cluster side by side; then the machine's chain, each of which needs the one before."""
        first = [r for r in self._decided.own if r.kind in (Cluster.kind, LaunchTemplate.kind)]
        chain = [r for r in self._decided.own if r not in first]
        with ThreadPoolExecutor(max_workers=6, thread_name_prefix="capacity") as pool:
            shared = [pool.submit(self._shared, step) for step in steps]
            own = [pool.submit(self._make, resource) for resource in (*self._decided.roles, *first)]
            for done in shared:
                done.result()
            for made in own:
                made.result()
        for resource in chain:
            if resource.kind == CapacityProvider.kind:
                # The group is there and armed: ask for the machine now, it takes the longest.
                self._runner.check()
                self._lease.begin()
            self._make(resource)
        return None, f"{self._decided.spec.offer.hardware.description} asked for", False

    def _shared(self, step: Step) -> None:
        self._runner.check()
        made = apply.apply(self._context.aws, step, self._context.clock)
        self._note(step.resource, made)

    def _image(self) -> tuple[str, str, bool]:
        """The task definition's ARN: it names the image by digest, so it is registered as soon as there is one."""
        uri, said, skipped = self._image_uri()
        self._runner.check()
        definition = self._backend.task_definition(self._decided.spec, uri)
        self._writer.change(lambda record: replace(record, image=uri))
        made = apply.create(self._context.aws, definition, self._context.clock)
        self._note(definition, made)
        return made, said, skipped

    def _image_uri(self) -> tuple[str, str, bool]:
        spec, found = self._decided.spec, self._found
        if found.image is None:
            return str(spec.job.image), "ready image, nothing to build", True
        repository = next(r for r in self._decided.kept if r.kind == Repository.kind)
        seen = found.kept.get(ref(repository))
        uri = seen.value if seen and seen.present else apply.create(self._context.aws, repository, self._context.clock)
        if found.image_digest:
            return container.image_uri(uri, found.image_digest), "unchanged: neither built nor pushed", True
        self._runner.check()
        digest = self._context.builder().build_push(found.image, uri, found.image.tag, self._login, self._context.emit)
        return container.image_uri(uri, digest), "built and pushed", False

    def _login(self) -> RegistryLogin:
        """A fresh ECR token; they live 12 hours, so each push asks for its own."""
        import base64

        data = self._context.aws.call("ecr", "get_authorization_token")["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        server = data["proxyEndpoint"].split("://", 1)[-1].rstrip("/")
        return RegistryLogin(server=server, username=username, password=password, expires_at=data.get("expiresAt"))

    def _input(self) -> tuple[tuple[InputSnapshot, ...], str, bool]:
        spec = self._decided.spec
        bucket, done = self._context.storage(spec.bucket), []
        for seen in self._found.inputs:
            self._runner.check()
            label, into = seen.name or naming.input_label(seen.place), seen.name or ""
            if seen.pinned is not None:
                done.append(keep_pin(bucket, spec.run_id, label, seen.pinned, into=into))
                continue
            pushed = push_input(
                bucket,
                Path(seen.place),
                project=spec.job.name,
                label=label,
                into=into,
                emit=self._context.emit,
                exclude=self._found.config.exclude,
                full=self._found.config.full_sync,
                cancel=self._context.stop,
            )
            done.append(pushed)
        return tuple(done), _input_said(done), all(one.unchanged for one in done)

    def _while_waiting(self) -> Callable[[], None]:
        """While something is still being built or sent: the machine does not wait too long for it, nobody is left in
        silence, and the record says that somebody is at it."""
        renewed = self._context.clock.monotonic()

        def tick() -> None:
            nonlocal renewed
            working = self._runner.working
            self._lease.look(" and ".join(f"the {lane}" for lane in working if lane != "capacity") or "its cluster")
            self._silence.look(working)
            now = self._context.clock.monotonic()
            if now - renewed <= _RENEW_EVERY_S:
                return
            renewed = now
            self._writer.change(lambda record: replace(record, renewed_at=iso(self._context.clock.now())), now=True)

        return tick

    # -- the task -------------------------------------------------------------------------------------------------

    def _run_task(self, definition: str, inputs: tuple[InputSnapshot, ...]) -> AcceptedTask:
        """The deadline is fixed and recorded before the call, so that a repeated call is the same call."""
        self._runner.check()
        spec = self._decided.spec
        self._lease.ready()
        job_s = budget.job_s(spec, self._lease.used_s)
        deadline = self._context.clock.now() + timedelta(seconds=job_s)
        command = self._found.image.command if self._found.image is not None else spec.job.command
        pins = tuple(InputPin(**{name: getattr(one, name) for name in InputPin.model_fields}) for one in inputs)
        job = spec.job.pinned(image=str(self._writer.record.image), command=command, inputs=pins)
        known: dict[str, Any] = {
            "deadline": iso(deadline),
            "inputs": tuple(asdict(one) for one in inputs),
            "job": job.without_values().to_json(),
        }
        self._writer.change(lambda record: replace(record, **known), now=True)
        build = partial(
            run_task.request,
            spec,
            self._backend,
            definition=definition,
            inputs=inputs,
            command=command,
            deadline=deadline,
        )
        task_arn = run_task.accept(self._context, build(attempt=1), self._runner.check)
        calls = len(self._context.aws.trips)
        self._context.emit(Notice(text=f"AWS calls up to RunTask: {calls}", level="debug"))
        accepted_at = iso(self._context.clock.now())
        handle = TaskHandle(id=task_arn, place=spec.names.cluster)
        self._writer.change(
            lambda record: replace(record.with_handle(handle), state="running", renewed_at=accepted_at), now=True
        )
        self._backend.on_task_accepted(spec, task_arn, deadline, self._context.emit)
        return AcceptedTask(
            task_arn=task_arn,
            deadline=deadline,
            capped=job_s < spec.job.timeout_s,
            request=lambda attempt: build(attempt=attempt),
        )


def open_record(
    context: AppContext, store: RunStore, found: Preflight, decided: RunPlan, record: Record
) -> RecordWriter:
    """The bucket where it is missing, then the record and the mark, before anything else exists (aws-facts §12, 41)."""
    wanted = decided.kept[0]
    for step in plan([wanted], found.kept):
        apply.apply(context.aws, step, context.clock)
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            mark = pool.submit(store.locks.mark_live, record.run_id)
            writer = RecordWriter.begin(store, record, context.clock)
            mark.result()
        store.locks.wait_until_unlocked(record.project, context.clock, context.emit)
    except BaseException as error:
        _never_began(context, store, record, error)
        if not isinstance(error, AwsCallError):
            raise
        raise AwsRunError(
            f"The run could not be recorded in {wanted.name}, so nothing was created: {error.message}", hint=error.hint
        ) from error
    return writer


def _never_began(context: AppContext, store: RunStore, record: Record, error: BaseException) -> None:
    """Nothing was made yet: the mark goes, so that it keeps no other run's roles, and a record that was written says
    so. What can't be taken back now is taken by gc after a while."""
    with contextlib.suppress(AwsRunError):
        try:
            writer = RecordWriter.resume(store, record.run_id, context.clock)
        except RunNotFoundError:
            store.locks.unmark(record.run_id)
            return
        if writer.record != record:
            return  # another run has this very name, and the mark is its
        store.locks.unmark(record.run_id)
        code = error.exit_code if isinstance(error, AwsRunError) else EXIT_INTERRUPT
        outcome = Outcome(exit_code=code, reason="not-started", sentence="it ended before anything was made")
        writer.change(lambda r: replace(r.with_outcome(outcome), state="removed"), now=True)


def _input_said(inputs: Sequence[InputSnapshot]) -> str:
    sent = [one for one in inputs if one.source is None]
    there = sum(one.files for one in inputs if one.source is not None)
    files = sum(one.files for one in sent)
    words = [f"{there} files are read where they are"] if there else []
    if sent and all(one.unchanged for one in sent):
        words.append(f"unchanged: {files} files, nothing sent")
    elif sent:
        words.append(f"{sum(one.sent_files for one in sent)} of {files} files sent")
    return "; ".join(words)


def refs(record: Record, scopes: tuple[str, ...]) -> tuple[Ref, ...]:
    """The record's resources of those scopes that are not known to be gone."""
    return tuple(
        Ref(kind=Kind(entry.kind), name=entry.name, scope=entry.scope)  # type: ignore[arg-type]
        for entry in record.resources
        if entry.scope in scopes and entry.state != "deleted"
    )
