"""`aws-run submit`: from a folder to results, and nothing left that bills."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from aws_run.clock import iso
from aws_run.config import Config
from aws_run.errors import (
    EXIT_INTERRUPT,
    AwsRunError,
    InterruptedRunError,
    TeardownError,
)
from aws_run.events import Notice, RunStarted
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
from aws_run.runs.store import RecordWriter, RunStore
from aws_run.usecases import gc

ShowPlan = Callable[[PlanView], None]
_TIDY_AT_MOST = 3  # earlier runs looked after beside a submit
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
    except BaseException as error:
        context.stop.set()
        if writer is None:
            raise
        started, shown = writer, error
        max_interrupts = 1 if _interrupted(error) else 2
        with leave_on_interrupt(spec.run_id):
            raise run_uninterrupted(
                context.emit, lambda: _abandon(context, store, started, runner, shown), max_interrupts=max_interrupts
            ) from error
    if detach:
        if config.follow_output:
            context.emit(
                Notice(text=f"nobody follows the outputs of a detached run; later: aws-run pull {spec.run_id}")
            )
        writer.change(lambda record: replace(record, detached=True), now=True)
        _start_tidying(context).join(_TIDY_WITHIN_S)  # whoever only ever detaches has no other client that would
        return detached_result(spec)
    _start_tidying(context)
    return RunSupervisor(
        context, backend, decided, store, writer, accepted, on_interrupt, cost_label
    ).run_to_completion()


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
    context: AppContext, store: RunStore, writer: RecordWriter, runner: LaneRunner, error: BaseException
) -> BaseException:
    """The start failed: everything made so far goes, and the first error is what the user hears."""
    interrupted = _interrupted(error)
    if interrupted:
        text = "interrupted: removing what was made (press Ctrl-C again to leave at once)"
        context.emit(Notice(text=text, level="warning"))
    runner.settle("capacity", 90)
    runner.settle("image", 0.1)
    sentence = error.message if isinstance(error, AwsRunError) else str(error) or type(error).__name__
    code = error.exit_code if isinstance(error, AwsRunError) else EXIT_INTERRUPT if interrupted else 125
    teardown.note_outcome(
        writer, Outcome(exit_code=code, reason="not-started", sentence=sentence), None, iso(context.clock.now())
    )
    torn = teardown.teardown(context.aws, context.clock, context.emit, store, writer)
    try:
        torn.raise_if_failed(writer.record.region)
    except TeardownError as failed:
        failed.message = f"{sentence}. {failed.message}"
        failed.args = (failed.message,)
        return failed
    if interrupted:
        return InterruptedRunError("Interrupted before the job ran; everything that had been made is gone")
    return error
