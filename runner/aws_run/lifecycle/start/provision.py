"""From a planned run to an accepted task: capacity, image and input side by side, then the start of the task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from aws_run import naming
from aws_run.backends.base import Backend, Stage
from aws_run.backends.executor import TaskHandle, TaskRequest
from aws_run.clock import iso, parse_iso
from aws_run.data import InputSnapshot, keep_pin, push_input
from aws_run.events import LaneProgress, Notice
from aws_run.frozen import field_names, frozen
from aws_run.image.builder import RegistryLogin
from aws_run.infra import apply
from aws_run.infra.plan import Step
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Resource, ref
from aws_run.lifecycle import budget
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start import accept
from aws_run.lifecycle.start.lanes import LaneResult, LaneRunner
from aws_run.lifecycle.start.lease import Lease
from aws_run.lifecycle.start.preflight import Preflight, RunPlan
from aws_run.lifecycle.start.silence import Silence
from aws_run.report.format import count
from aws_run.runs.spec import InputPin, JobSpec
from aws_run.runs.writer import RecordWriter

_RENEW_EVERY_S = 5 * 60
_LOOKS_EVERY_S = 0.05  # at whether the lanes were told to stop


@frozen
class AcceptedTask:
    """`request`: that of the first attempt; further ones differ by their number alone. `job`: as it was started, with
    its image by digest and its inputs pinned. `capped`: `--max-cost` ends the job before its timeout does. `new_roles`:
    when those of the task's roles were made or changed that this start made or changed, by name."""

    handle: TaskHandle
    request: TaskRequest
    job: JobSpec
    capped: bool
    new_roles: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def deadline(self) -> datetime:
        return self.request.deadline


@frozen
class _Image:
    """`definition`: the id of what tasks are started from."""

    uri: str
    definition: str


class Provisioning:
    """One run's start. Every resource that is made is noted in the record when it is there."""

    def __init__(
        self,
        context: AppContext,
        *,
        backend: Backend,
        preflight: Preflight,
        run: RunPlan,
        writer: RecordWriter,
        lanes: LaneRunner,
        on_deadline: Callable[[datetime], None] = lambda until: None,
    ) -> None:
        """`on_deadline` hears until when the run may bill, before its task is requested; what it raises ends it."""
        self._silence = Silence(context.emit, context.clock, budget.start_s(run.spec.job))
        self._context = replace(context, emit=self._silence.emit)
        self._backend = backend
        self._preflight = preflight
        self._run = run
        self._writer = writer
        self._lanes = lanes
        self._on_deadline = on_deadline
        self._lease = Lease(backend, run.spec, context.clock, context.emit)
        # Those that the definition names: ECS looks for them when it is registered (docs/real-aws.md, 2).
        named = {arn.rsplit("/", 1)[-1] for arn in (run.spec.execution_role, run.spec.task_role_arn)}
        self._missing_roles = {role.name for role in (*run.shared, *run.roles) if role.kind == Role.kind} & named
        self._new_roles: dict[str, datetime] = {}
        self._roles_made = threading.Condition()

    # -- the lanes ------------------------------------------------------------------------------------------------

    def start(self, steps: tuple[Step, ...]) -> AcceptedTask:
        """Raises whatever the first failing lane raised; the caller tears down."""
        spec = self._run.spec
        self._lanes.start("capacity", spec.offer.hardware.description, lambda: self._capacity(steps))
        self._lanes.start("image", "looking at the sources", self._image)
        self._lanes.start("input", "looking at the input", self._input)
        results = self._lanes.join(self._while_waiting(), every_s=0.05)
        image, inputs = results["image"], results["input"]
        assert isinstance(image, _Image)
        assert isinstance(inputs, tuple)
        return self._start_task(image, inputs)

    def _make(self, resource: Resource) -> str | None:
        self._lanes.check()
        self._context.emit(LaneProgress(lane="capacity", text=f"{resource.kind} {resource.name}"))
        made = apply.create(self._context.aws, resource, self._lanes.clock)
        self._note(resource, made)
        return made

    def _note(self, resource: Resource, made: str | None, *, changed: bool = True) -> None:
        self._writer.change(lambda record: record.with_resource(resource.kind, resource.name, "created", made))
        if resource.kind != Role.kind:
            return
        with self._roles_made:
            if changed and resource.name in self._missing_roles:
                self._new_roles[resource.name] = self._context.clock.now()
            self._missing_roles.discard(resource.name)
            self._roles_made.notify_all()

    def _wait_for_roles(self) -> None:
        """Until the roles are made that the definition names, which the capacity lane does."""
        with self._roles_made:
            while self._missing_roles:
                self._roles_made.wait(_LOOKS_EVERY_S)
                self._lanes.check()

    def _capacity(self, steps: tuple[Step, ...]) -> LaneResult[None]:
        """Roles, log group and the backend's first stage side by side; then its stages one after the other."""
        first, *others = self._run.stages
        with ThreadPoolExecutor(max_workers=6, thread_name_prefix="capacity") as pool:
            shared = [pool.submit(self._shared, step) for step in steps]
            own = [pool.submit(self._make, resource) for resource in (*self._run.roles, *first.resources)]
            for done in shared:
                done.result()
            for made in own:
                made.result()
            self._raise_after(first)
            for stage in others:
                for made in [pool.submit(self._make, resource) for resource in stage.resources]:
                    made.result()
                self._raise_after(stage)
        return LaneResult(value=None, text=f"{self._run.spec.offer.hardware.description} requested")

    def _raise_after(self, stage: Stage) -> None:
        if stage.then_raise:
            self._lanes.check()
            self._lease.begin()

    def _shared(self, step: Step) -> None:
        self._lanes.check()
        made = apply.apply(self._context.aws, step, self._lanes.clock)
        self._note(step.resource, made, changed=step.action != "reuse")

    def _image(self) -> LaneResult[_Image]:
        """The definition names the image by digest, so it is made as soon as there is one."""
        image = self._image_uri()
        self._wait_for_roles()
        self._lanes.check()
        definition = self._backend.definition(self._run.spec, image.value)
        self._writer.change(lambda record: replace(record, image=image.value))
        made = apply.create(self._context.aws, definition, self._lanes.clock)
        self._note(definition, made)
        return LaneResult(value=_Image(uri=image.value, definition=made), text=image.text, skipped=image.skipped)

    def _image_uri(self) -> LaneResult[str]:
        """By digest: what was built is what runs."""
        spec, preflight = self._run.spec, self._preflight
        if preflight.image is None:
            return LaneResult(value=str(spec.job.image), text="ready image, nothing to build", skipped=True)
        repository = next(r for r in self._run.kept if r.kind == Repository.kind)
        existing = preflight.kept.get(ref(repository))
        uri = (
            existing.value
            if existing and existing.present
            else apply.create(self._context.aws, repository, self._lanes.clock)
        )
        if preflight.image_digest:
            text = "unchanged"
            return LaneResult(value=f"{uri}@{preflight.image_digest}", text=text, skipped=True)
        self._lanes.check()
        tag, context = preflight.image.tag, self._context
        builder = context.builder()
        digest = builder.build_push(preflight.image, uri, tag, self._login, context.emit)
        return LaneResult(value=f"{uri}@{digest}", text=builder.done)

    def _login(self) -> RegistryLogin:
        """A fresh ECR token; they live 12 hours, so each push asks for its own."""
        import base64

        data = self._context.aws.call("ecr", "get_authorization_token")["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        server = data["proxyEndpoint"].split("://", 1)[-1].rstrip("/")
        return RegistryLogin(server=server, username=username, password=password, expires_at=data.get("expiresAt"))

    def _input(self) -> LaneResult[tuple[InputSnapshot, ...]]:
        spec = self._run.spec
        bucket, done = self._context.storage(spec.bucket), []
        for summary in self._preflight.inputs:
            self._lanes.check()
            if summary.stored is not None:
                done.append(summary.stored)
                continue
            label, into = summary.name or naming.input_label(summary.place), summary.name or ""
            if summary.pinned is not None:
                done.append(keep_pin(bucket, spec.run_id, label, summary.pinned, into=into))
                continue
            pushed = push_input(
                bucket,
                Path(summary.place),
                project=spec.job.name,
                label=label,
                into=into,
                emit=self._context.emit,
                exclude=self._preflight.config.exclude,
                full=self._preflight.config.full_sync,
                follow_links=self._preflight.config.follow_links,
                cancel=self._context.stop,
            )
            done.append(pushed)
        return LaneResult(value=tuple(done), text=_input_text(done), skipped=all(one.unchanged for one in done))

    def _while_waiting(self) -> Callable[[], None]:
        """While something is still being built or sent: the machine does not wait too long for it, nobody is left in
        silence, and the record says that somebody is at it."""
        renewed = self._context.clock.monotonic()

        def tick() -> None:
            nonlocal renewed
            working = self._lanes.working
            self._lease.look(" and ".join(f"the {lane}" for lane in working if lane != "capacity") or "its cluster")
            self._silence.look(working)
            now = self._context.clock.monotonic()
            if now - renewed <= _RENEW_EVERY_S:
                return
            renewed = now
            self._writer.change(lambda record: replace(record, renewed_at=iso(self._context.clock.now())), now=True)

        return tick

    # -- the task -------------------------------------------------------------------------------------------------

    def _start_task(self, image: _Image, inputs: tuple[InputSnapshot, ...]) -> AcceptedTask:
        """The deadline is fixed and recorded before the call, so that a repeated call is the same call."""
        self._lanes.check()
        spec = self._run.spec
        self._lease.ready()
        job_s = budget.job_s(spec, self._lease.used_s)
        deadline = self._context.clock.now() + timedelta(seconds=job_s)
        self._on_deadline(deadline + timedelta(seconds=spec.ending_s))
        pins = tuple(InputPin(**{name: getattr(one, name) for name in field_names(InputPin)}) for one in inputs)
        lanes = self._lanes.entries(parse_iso(self._writer.record.created_at))
        job = spec.job.pinned(image=image.uri, command=spec.command, inputs=pins)
        self._writer.change(
            lambda record: replace(
                record,
                deadline=iso(deadline),
                capped=job_s < spec.job.timeout_s,
                inputs=tuple(asdict(one) for one in inputs),
                job=job.without_values().to_json(),
                lanes=lanes,
            ),
            now=True,
        )
        request = TaskRequest(
            spec=spec,
            definition=image.definition,
            inputs=inputs,
            deadline=deadline,
        )
        context = self._context
        handle = accept.start_task(
            self._backend.executor, request, clock=context.clock, emit=context.emit, check=self._check_once_more
        )
        calls = len(self._context.aws.trips)
        self._context.emit(Notice(text=f"AWS calls up to RunTask: {calls}", level="debug"))
        accepted_at = iso(self._context.clock.now())
        self._writer.change(
            lambda record: replace(record.with_handle(handle), state="running", renewed_at=accepted_at), now=True
        )
        self._backend.on_task_accepted(spec, handle, deadline, self._context.emit)
        return AcceptedTask(
            handle=handle,
            request=request,
            job=job,
            capped=job_s < spec.job.timeout_s,
            new_roles=dict(self._new_roles),
        )

    def _check_once_more(self) -> None:
        self._lanes.check()
        self._context.before_task()


def _input_text(inputs: Sequence[InputSnapshot]) -> str:
    sent = [one for one in inputs if one.source is None]
    there = sum(one.files for one in inputs if one.source is not None)
    files = sum(one.files for one in sent)
    words = [f"{count(there, 'file')} {'is' if there == 1 else 'are'} read in place"] if there else []
    if sent and all(one.unchanged for one in sent):
        words.append(f"unchanged: {count(files, 'file')}, nothing sent")
    elif sent:
        words.append(f"{sum(one.sent_files for one in sent)} of {count(files, 'file')} sent")
    return "; ".join(words)
