"""`aws-run submit`: from a folder to results, and nothing left that bills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from aws_run.backends.base import Backend
from aws_run.config import Config
from aws_run.data import InputSnapshot
from aws_run.errors import InterruptedRunError
from aws_run.events import Notice, RunStarted, unfailing
from aws_run.hints import command, quoted
from aws_run.image.docker.build_folder import sweep
from aws_run.infra.observe import observe
from aws_run.infra.plan import plan
from aws_run.lifecycle import allowance, budget, views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.end.ending import SubmitResult, detached_result
from aws_run.lifecycle.end.tidying import start_tidying
from aws_run.lifecycle.follow.supervise import OnInterrupt, RunSupervisor, leave_on_interrupt
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.lifecycle.start.abandon import abandon, was_interrupted
from aws_run.lifecycle.start.lanes import LaneRunner
from aws_run.lifecycle.start.preflight import plan_run, run_preflight
from aws_run.lifecycle.start.provision import Provisioning
from aws_run.lifecycle.start.run_record import initial_record, open_record
from aws_run.report.views import PlanView
from aws_run.runs.record import Origin, Record
from aws_run.runs.spec import JobSpec, RunSpec
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

ShowPlan = Callable[[PlanView], None]
OnAccepted = Callable[[JobSpec], None]
_TIDY_WITHIN_S = 30.0  # of a detached one; what it does not come to is the next one's


def submit(
    config: Config,
    context: AppContext,
    *,
    show_plan: ShowPlan,
    on_interrupt: OnInterrupt = lambda: "cancel",
    on_accepted: OnAccepted = lambda job: None,
    stored: tuple[InputSnapshot, ...] = (),
    detach: bool = False,
    cost_label: str = "cost",
    origin: Origin = "cli",
    origin_detail: str = "",
    like: Record | None = None,
) -> SubmitResult:
    """The whole story. Raises AwsRunError when it failed before the job ran; everything it made is gone by then.

    `on_accepted` gets the job as it was started, once AWS has accepted its task; it raises nothing. `stored`: inputs
    beside those of `config` that an earlier client has sent. A first Ctrl-C asks `on_interrupt`; a second one leaves
    at once (InterruptedRunError names the recovery command). With `detach` a Ctrl-C from the acceptance on stops
    nothing: InterruptedRunError says that the run goes on. `origin`, `origin_detail`: who starts the run, for its
    record. `like`: the run whose image this one has, and so its sources.
    """
    sweep()  # whether this one builds or not: a killed client's build may have left passwords
    preflight, backend = run_preflight(config, context, stored)
    run = plan_run(preflight, backend, context)
    spec = run.spec
    store = RunStore(context.aws, preflight.bucket, spec.account)
    owner = spec.tags.get("aws-run:owner", "")
    record = initial_record(run, preflight, backend, owner, origin=origin, origin_detail=origin_detail)
    if like is not None:
        record = replace(record, commit=like.commit, dirty=like.dirty, python=like.python)
    context.emit(_started(config, spec, backend))
    opened: RecordWriter | None = None
    lanes = LaneRunner(emit=context.emit, clock=context.clock, stop=context.stop)
    try:
        begun = open_record(context, store, preflight, run, record=record, backend=backend)
        writer = opened = begun.writer
        if begun.reserved is not None:
            run = replace(run, spec=budget.bounded(spec))
        observed = {**preflight.kept, **observe(context.aws, run.shared)}
        steps, held = plan((*run.kept, *run.shared), observed), allowance.rows(begun.reserved)
        show_plan(views.plan_view(preflight, run, steps, backend, held))
        provisioning = Provisioning(
            context,
            backend=backend,
            preflight=preflight,
            run=run,
            writer=writer,
            lanes=lanes,
            on_deadline=partial(allowance.renew, context, store, begun.reserved.claim if begun.reserved else None),
        )
        accepted = provisioning.start(plan(run.shared, observed))
        supervisor = RunSupervisor(
            context,
            backend=backend,
            run=run,
            store=store,
            writer=writer,
            accepted=accepted,
            on_interrupt=on_interrupt,
            cost_label=cost_label,
        )
        if not detach:
            on_accepted(accepted.job)
            start_tidying(context)
    except BaseException as error:
        context.stop.set()
        if opened is None:
            raise
        take_back = partial(
            abandon, context, error, store=store, writer=opened, lanes=lanes, backend=backend, spec=spec
        )
        with leave_on_interrupt(spec.run_id):
            raise run_uninterrupted(
                context.emit, take_back, max_interrupts=1 if was_interrupted(error) else 2
            ) from error
    if detach:
        with _going_on_when_interrupted(spec.run_id):
            on_accepted(accepted.job)
            _detach(config, context, writer, spec.run_id)
            return detached_result(spec, writer.record)
    return supervisor.run_to_completion()


def _started(config: Config, spec: RunSpec, backend: Backend) -> RunStarted:
    return RunStarted(
        run_id=spec.run_id, project=config.name, region=spec.region, account=spec.account, backend=backend.name
    )


@contextmanager
def _going_on_when_interrupted(run_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"Interrupted; {run_id} had been accepted and goes on in AWS (its deadline holds without this terminal)",
            hint=quoted("attach", run_id) + " follows it, " + quoted("cancel", run_id) + " ends it",
        ) from None


def _detach(config: Config, context: AppContext, writer: RecordWriter, run_id: str) -> None:
    context = replace(context, emit=unfailing(context.emit))  # the run goes on, so its id must reach the user
    if config.follow_output:
        context.emit(
            Notice(
                text="the outputs of a detached run are not fetched while it runs; later: " + command("pull", run_id)
            )
        )
    hardware = writer.record.hardware
    if hardware is not None and hardware.spot and config.retry.max:
        text = "nobody starts a detached run again after a spot interruption; what it had written is saved"
        context.emit(Notice(text=text, level="warning"))
    teardown.attempt_or_warn(
        context.emit, lambda: writer.change(lambda record: replace(record, detached=True), now=True)
    )
    start_tidying(context).join(_TIDY_WITHIN_S)  # whoever only ever detaches has no other client that would
