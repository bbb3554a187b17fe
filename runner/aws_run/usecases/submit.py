"""`aws-run submit`: from a folder to results, and nothing left that bills."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from aws_run.backends.base import Backend
from aws_run.clock import iso
from aws_run.config import Config
from aws_run.errors import (
    EXIT_INTERRUPT,
    AwsRunError,
    InterruptedRunError,
    TeardownError,
    sentence_of,
)
from aws_run.events import Notice, RunStarted, unfailing
from aws_run.image.build_folder import sweep
from aws_run.infra.observe import observe
from aws_run.infra.plan import plan
from aws_run.lifecycle import teardown, views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.lifecycle.lanes import LaneRunner, Stopped
from aws_run.lifecycle.preflight import plan_run, run_preflight
from aws_run.lifecycle.provision import Provisioning, initial_record, open_record
from aws_run.lifecycle.supervise import OnInterrupt, RunSupervisor, SubmitResult, detached_result, leave_on_interrupt
from aws_run.report.views import PlanView
from aws_run.runs.record import Outcome
from aws_run.runs.spec import RunSpec
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter
from aws_run.usecases import gc

ShowPlan = Callable[[PlanView], None]
_TIDY_AT_MOST = 3  # earlier runs looked after beside a submit
_BUILD_ENDS_WITHIN_S = 10.0  # its programs are told to end when the lanes are, and its folder goes with them
_TIDY_WITHIN_S = 30.0  # of a detached one; what it does not come to is the next one's


def dry_run(config: Config, context: AppContext) -> PlanView:
    """What a submit would do. Reads AWS, writes nothing."""
    found, backend = run_preflight(config, context)
    decided = plan_run(found, backend, context)
    steps = plan((*decided.kept, *decided.shared), {**found.kept, **observe(context.aws, decided.shared)})
    return views.plan_view(found, decided, steps, backend)


def submit(
    config: Config,
    context: AppContext,
    *,
    show_plan: ShowPlan,
    on_interrupt: OnInterrupt = lambda: "cancel",
    detach: bool = False,
    cost_label: str = "cost",
) -> SubmitResult:
    """The whole story. Raises AwsRunError when it failed before the job ran; everything it made is gone by then.

    A first Ctrl-C asks `on_interrupt`; a second one leaves at once (InterruptedRunError names the recovery command).
    """
    sweep()  # whether this one builds or not: a killed client's build may have left passwords
    found, backend = run_preflight(config, context)
    decided = plan_run(found, backend, context)
    spec = decided.spec
    store = RunStore(context.aws, found.bucket, spec.account)
    record = initial_record(decided, found, backend, spec.tags.get("aws-run:owner", ""))
    context.emit(
        RunStarted(
            run_id=spec.run_id, project=config.name, region=spec.region, account=spec.account, backend=backend.name
        )
    )
    writer: RecordWriter | None = None
    runner = LaneRunner(emit=context.emit, clock=context.clock, stop=context.stop)
    try:
        writer = open_record(context, store, found, decided, record)
        observed = {**found.kept, **observe(context.aws, decided.shared)}
        steps = plan(decided.shared, observed)
        show_plan(views.plan_view(found, decided, plan((*decided.kept, *decided.shared), observed), backend))
        accepted = Provisioning(context, backend, found, decided, writer, runner).start(steps)
        run = RunSupervisor(context, backend, decided, store, writer, accepted, on_interrupt, cost_label)
    except BaseException as error:
        context.stop.set()
        if writer is None:
            raise
        started, shown = writer, error
        max_interrupts = 1 if _interrupted(error) else 2
        with leave_on_interrupt(spec.run_id):
            raise run_uninterrupted(
                context.emit,
                lambda: _abandon(context, store, started, runner, shown, backend, spec),
                max_interrupts=max_interrupts,
            ) from error
    if detach:
        if config.follow_output:
            context.emit(
                Notice(text=f"nobody follows the outputs of a detached run; later: aws-run pull {spec.run_id}")
            )
        noted = writer
        teardown.attempt_or_warn(
            context.emit, lambda: noted.change(lambda record: replace(record, detached=True), now=True)
        )
        _start_tidying(context).join(_TIDY_WITHIN_S)  # whoever only ever detaches has no other client that would
        return detached_result(spec)
    _start_tidying(context)
    return run.run_to_completion()


def _note_wait(context: AppContext, backend: Backend, spec: RunSpec, writer: RecordWriter) -> None:
    """A machine that had waited for a job that never came is billed all the same, and the user hears of it."""
    try:
        usage = backend.usage(spec, {}, context.clock.now())
    except AwsRunError as error:
        context.emit(Notice(text=f"what was used could not be read: {error.message}", level="warning"))
        return
    paid = teardown.receipt(backend.charges(spec.offer.hardware, usage), usage)
    if usage.seconds <= 0 or paid.total_usd is None:
        return
    usd = paid.total_usd
    teardown.attempt_or_warn(
        context.emit, lambda: writer.change(lambda record: replace(record, cost_usd=f"{usd:.6f}"), now=True)
    )
    context.emit(Notice(text=f"its machine was up for {usage.seconds:.0f} s before the job could start: ${usd:.4f}"))


def _interrupted(error: BaseException) -> bool:
    return isinstance(error, (KeyboardInterrupt, Stopped))


def _start_tidying(context: AppContext) -> threading.Thread:
    thread = threading.Thread(target=_tidy, args=(context,), name="gc", daemon=True)
    thread.start()
    return thread


def _tidy(context: AppContext) -> None:
    """A bounded gc beside the waiting: what earlier runs left is gone before it is forgotten. Never a run's trouble."""
    quiet = replace(context, emit=lambda event: None)
    try:
        removable = [found for found in gc.find_leftovers(quiet) if found.removable]
        gc.collect(quiet, tuple(removable[:_TIDY_AT_MOST]))
    except Exception as error:  # noqa: BLE001 - whatever happens beside a run must not look like its trouble
        context.emit(Notice(text=f"gc: {error}", level="debug"))
        return
    if removable:
        context.emit(Notice(text=f"removed what {len(removable[:_TIDY_AT_MOST])} earlier run(s) had left behind"))


def _abandon(
    context: AppContext,
    store: RunStore,
    writer: RecordWriter,
    runner: LaneRunner,
    error: BaseException,
    backend: Backend,
    spec: RunSpec,
) -> BaseException:
    """The start failed: everything made so far goes, and the first error is what the user hears."""
    interrupted, run_id = _interrupted(error), writer.record.run_id
    if interrupted:
        text = "interrupted: removing what was made (press Ctrl-C again to leave at once)"
        unfailing(context.emit)(Notice(text=text, level="warning"))
    runner.settle("capacity", 90)
    sentence = sentence_of(error)
    code = error.exit_code if isinstance(error, AwsRunError) else EXIT_INTERRUPT if interrupted else 125
    teardown.note_outcome(
        writer, Outcome(exit_code=code, reason="not-started", sentence=sentence), None, iso(context.clock.now())
    )
    try:
        removed = teardown.teardown(context.aws, context.clock, context.emit, store, writer)
        _note_wait(context, backend, spec, writer)
        runner.settle("image", _BUILD_ENDS_WITHIN_S)
        removed.raise_if_failed(writer.record.region)
    except TeardownError as failed:
        failed.message = f"{sentence}. {failed.message}"
        failed.args = (failed.message,)
        failed.hint = f"aws-run cleanup {run_id} tries again; those below do it by hand"
        return failed
    except Exception as failed:  # noqa: BLE001 - the run must not look as if nothing were left
        text = f"{sentence}. The teardown itself failed ({sentence_of(failed)})"
        return AwsRunError(text, hint=f"aws-run cleanup {run_id}")
    if interrupted:
        return InterruptedRunError("Interrupted before the job ran; everything that had been made is gone")
    if isinstance(error, AwsRunError) or not isinstance(error, Exception):
        return error
    return AwsRunError(
        f"The run {run_id} could not be started ({sentence}); everything that had been made is gone",
        hint="run it again with --debug and report what it prints",
    )
