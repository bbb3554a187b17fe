"""`aws-run start`: a stored job, without its project and without Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aws_run import naming
from aws_run.config import Config
from aws_run.config.models import Input
from aws_run.config.value_types import MAX_TIMEOUT_S
from aws_run.data import InputSnapshot
from aws_run.errors import UsageError
from aws_run.events import Notice
from aws_run.frozen import field_names, frozen
from aws_run.hints import quoted
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.lifecycle.follow.supervise import OnInterrupt
from aws_run.runs.record import Record
from aws_run.runs.spec import InputPin, JobSpec
from aws_run.usecases.submit import ShowPlan, submit

_BY_DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
_STORED_INPUT = re.compile(r"inputs/(?P<project>[a-z0-9-]+)/(?P<label>[^/]+)\.snapshot\.json")


@frozen
class StoredIn:
    """What a stored job comes from, in the words of the errors. `subject` begins a sentence; `no_image`: what is said
    of one without an image that can be started; `again`: what to do about a job that can't be; `no_input`: about one
    without inputs."""

    subject: str
    no_image: str
    again: str
    no_input: str


SPEC = StoredIn(
    subject="The job spec",
    no_image="names no image by its digest (NAME@sha256:…)",
    again="`aws-run submit --save-spec FILE` writes a job spec",
    no_input="give one with -i s3://BUCKET/PREFIX",
)


def stored_in_run(record: Record) -> StoredIn:
    again = quoted("explain", record.run_id) + " tells how it stands; `aws-run submit` starts its project anew"
    return StoredIn(
        subject=f"The run {record.run_id}",
        no_image="has no image: it ended before its image was ready" if record.finished else "has no image yet",
        again=again,
        no_input=again,
    )


def start(
    job: JobSpec,
    context: AppContext,
    *,
    inputs: tuple[Input, ...] = (),
    env: Mapping[str, str] | None = None,
    output: Path | None,
    show_plan: ShowPlan,
    on_interrupt: OnInterrupt = lambda: "cancel",
    detach: bool = False,
    cost_label: str = "cost",
    labels: tuple[str, ...] = (),
    note: str | None = None,
    like: Record | None = None,
    stored_in: StoredIn = SPEC,
) -> SubmitResult:
    """Runs `job` as a submit of its project would, with the image and the inputs that it is pinned to.

    `inputs`: addresses in S3 that take the place of all of the job's own. `env`: values that replace the job's or that
    its spec withholds. `stored_in`: what the job was read from. UsageError: a job that can't be started so; else as
    `submit`.
    """
    _refuse_unusable(job, stored_in)
    values = {**job.env, **(env or {})}
    missing = sorted(name for name, value in values.items() if value is None)
    if missing:
        raise UsageError(
            f"{stored_in.subject} holds no value for {', '.join(missing)}", hint="give each one with --env NAME=VALUE"
        )
    stored: tuple[InputSnapshot, ...] = ()
    if not inputs:
        stored = tuple(_snapshot(job, pin, stored_in) for pin in job.inputs if pin.source is None)
        inputs = tuple(Input(name=pin.into or None, place=pin.source) for pin in job.inputs if pin.source)
        for one in inputs:
            context.emit(Notice(text=f"{one.place} is read as it is now, not as it was: its address alone is stored"))
    if not (inputs or stored):
        raise UsageError(f"{stored_in.subject} names no input", hint=stored_in.no_input)
    shared = field_names(JobSpec) & field_names(Config) - {"inputs", "env"}
    config = Config(
        project_dir=Path.cwd(),
        inputs=inputs,
        output=output,
        labels=labels,
        note=note,
        env={name: value for name, value in values.items() if value is not None},
        **{name: getattr(job, name) for name in shared},
    )
    return submit(
        config,
        context,
        show_plan=show_plan,
        on_interrupt=on_interrupt,
        stored=stored,
        detach=detach,
        cost_label=cost_label,
        like=like,
    )


def _refuse_unusable(job: JobSpec, stored_in: StoredIn) -> None:
    """What a spec that was written by hand could hold, and what would lead names and keys astray."""
    subject = stored_in.subject
    if re.fullmatch(naming.PROJECT_PATTERN, job.name) is None or len(job.name) > naming.PROJECT_MAX:
        raise UsageError(f"{subject} has the name {job.name!r}, which is not a project name", hint=stored_in.again)
    if job.image is None:
        raise UsageError(f"{subject} {stored_in.no_image}", hint=stored_in.again)
    if _BY_DIGEST.fullmatch(job.image) is None:
        raise UsageError(
            f"{subject} names no image by its digest (NAME@sha256:…): {job.image} may be another one by now",
            hint="submit it again, with --image by that digest",
        )
    if not 1 <= job.timeout_s <= MAX_TIMEOUT_S:
        raise UsageError(f"{subject} has a timeout_s of {job.timeout_s}, not of 1 to {MAX_TIMEOUT_S} seconds")
    taken = sorted(name for name in job.tags if name.lower().startswith(("aws:", "aws-run:")))
    if taken:
        raise UsageError(f"{subject} sets the tag {taken[0]!r}, which is not a user's to set")


def _snapshot(job: JobSpec, pin: InputPin, stored_in: StoredIn) -> InputSnapshot:
    match = _STORED_INPUT.fullmatch(pin.snapshot_key or "")
    if match is None or match["project"] != job.name:
        raise UsageError(
            f"{stored_in.subject} has an input {pin.label} that is pinned to {pin.snapshot_key!r}, which is not an "
            f"input of {job.name}",
            hint=stored_in.again,
        )
    return InputSnapshot(
        snapshot_key=match[0],
        version_id=pin.version_id,
        label=pin.label,
        into=pin.into,
        files=pin.files,
        bytes=pin.bytes,
        sent_files=0,
        sent_bytes=0,
        deleted_files=0,
        unchanged=True,
    )
