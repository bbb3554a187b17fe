"""An accepted run, followed to its end by the client that started it: attempts, Ctrl-C, outputs, receipt, teardown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from aws_run.backends.base import Backend, Usage
from aws_run.clock import iso
from aws_run.errors import (
    EXIT_INTERRUPT,
    EXIT_TOOL,
    AwsRunError,
    CapacityError,
    InterruptedRunError,
    OutOfReachError,
    TeardownError,
    TransferError,
    sentence_of,
)
from aws_run.events import Notice, unfailing
from aws_run.lifecycle import outcome as outcomes
from aws_run.lifecycle import teardown, views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.lifecycle.log_buffer import LogBuffer
from aws_run.lifecycle.output_fetcher import OutputFetcher
from aws_run.lifecycle.patience import Patience, out_of_reach
from aws_run.lifecycle.preflight import RunPlan
from aws_run.lifecycle.provision import AcceptedTask
from aws_run.lifecycle.run_task import accept
from aws_run.lifecycle.watch import Watch
from aws_run.report.views import OutcomeView, ReceiptView
from aws_run.runs.record import Outcome, Record, TaskHandle
from aws_run.runs.spec import RunSpec
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_WORTH_ANOTHER_S = 60  # less time than this before the deadline is not worth another attempt
# Asked at the first Ctrl-C of a run that is on its way: leave it running, or stop it?
OnInterrupt = Callable[[], Literal["cancel", "detach"]]
# How a run ended, and its task where ECS still shows it.
Ended = tuple[Outcome, Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class SubmitResult:
    """A run that ended (or, detached, that was accepted). `teardown_error`: something could not be shown to be gone."""

    view: OutcomeView
    exit_code: int
    teardown_error: TeardownError | None = None


@contextmanager
def leave_on_interrupt(run_id: str) -> Iterator[None]:
    """Ctrl-C while things are already being stopped or removed: go, and say what finishes the job."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"Left at once; {run_id} may still have something in AWS (its deadline holds without this terminal)",
            hint=f"aws-run cleanup {run_id}",
        ) from None


_INTERRUPTED = Outcome(exit_code=EXIT_INTERRUPT, reason="interrupted", sentence="interrupted; the job was stopped")


_NO_LOG = ("image", "start", "capacity", "infrastructure", "not-started")


class _Detached(Exception):
    pass


class RunSupervisor:
    """An accepted run, followed to its end by the client that started it."""

    def __init__(
        self,
        context: AppContext,
        backend: Backend,
        decided: RunPlan,
        store: RunStore,
        writer: RecordWriter,
        accepted: AcceptedTask,
        on_interrupt: OnInterrupt,
        cost_label: str,
    ) -> None:
        self._context = context
        self._backend = backend
        self._spec = decided.spec
        self._decided = decided
        self._store = store
        self._writer = writer
        self._accepted = accepted
        self._task_arn = accepted.task_arn
        self._log = LogBuffer()
        self._on_interrupt = on_interrupt
        self._cost_label = cost_label
        self._outputs = OutputFetcher(context, decided.spec, decided.output, follow=decided.follow_output)

    def run_to_completion(self) -> SubmitResult:
        """Whatever happens to an accepted run ends in the teardown, but for two things: the user leaves it running, or
        AWS can't be reached any more, in which case the deadline that lives there is what ends it."""
        try:
            self._outputs.start()
            outcome, task = self._attempts()
        except _Detached:
            self._outputs.leave()
            teardown.attempt_or_warn(
                self._context.emit, lambda: self._writer.change(lambda record: replace(record, detached=True), now=True)
            )
            return detached_result(self._spec)
        except (OutOfReachError, InterruptedRunError):
            self._outputs.leave()
            raise
        except KeyboardInterrupt:
            outcome, task = _INTERRUPTED, None
        except Exception as error:  # noqa: BLE001 - a fault of ours is no reason to let anything bill
            outcome, task = self._lost(error), None
        # Who has been told that Ctrl-C leaves at once is not told twice.
        max_interrupts = 1 if outcome is _INTERRUPTED else 2
        with leave_on_interrupt(self._spec.run_id):
            return run_uninterrupted(
                self._context.emit, lambda: self._end(outcome, task), max_interrupts=max_interrupts
            )

    def _attempts(self) -> Ended:
        """One attempt after the other, as long as AWS takes the machine away and `retry` allows another."""
        attempt = 1
        while True:
            watch = self._watch()
            outcome, task = self._follow(watch, attempt)
            if not self._goes_again(outcome, attempt):
                return outcome, task
            attempt += 1
            try:
                self._start_again(outcome, attempt)
            except KeyboardInterrupt:
                return _INTERRUPTED, task
            except Exception as error:  # noqa: BLE001 - whatever it is, this attempt was the last
                again = f"{outcome.sentence}; another attempt could not be started: {_with_hint(error)}"
                return replace(outcome, sentence=again), task

    def _watch(self) -> Watch:
        spec, context = self._spec, self._context
        return Watch(
            context.aws,
            context.clock,
            cluster=spec.names.cluster,
            task_arn=self._task_arn,
            log_group=spec.project.log_group,
            run_id=spec.run_id,
            emit=context.emit,
            poll_s=context.poll_s,
            longest_poll_s=context.longest_poll_s,
            check_capacity=lambda: self._backend.check_capacity(spec, context.emit),
            on_placed=lambda: self._backend.on_task_placed(spec),
            keep=lambda line: self._log.add(line.text),
        )

    def _follow(self, watch: Watch, attempt: int) -> Ended:
        try:
            task = watch.follow()
            return self._judge(task, attempt), task
        except KeyboardInterrupt:
            with leave_on_interrupt(self._spec.run_id):
                if self._on_interrupt() == "detach":
                    raise _Detached from None
                return _INTERRUPTED, self._stop(watch)
        except AwsRunError as error:
            return self._gave_up(error), None

    def _judge(self, task: Mapping[str, Any], attempt: int) -> Outcome:
        patiently = Patience(self._context.clock, self._context.emit, self._context.poll_s)
        result = patiently(lambda: self._store.get(self._spec.keys.result, most_bytes=outcomes.MOST_RESULT_BYTES))
        spot, deadline = self._spec.offer.hardware.spot, self._accepted.deadline
        outcome = outcomes.classify(task, result, attempt, spot=spot, deadline=deadline)
        if outcome.reason in ("no-result", "unknown") and not patiently(self._store.exists):
            return outcomes.without_bucket(outcome, self._spec.bucket)
        if outcome.reason == "deadline" and self._accepted.capped:
            return replace(outcome, sentence="the job was stopped where --max-cost ends it")
        return outcome

    def _gave_up(self, error: AwsRunError) -> Outcome:
        """What the run ends with when following it fails. OutOfReachError when nothing can be done about it now."""
        spec = self._spec
        if out_of_reach(error):
            raise OutOfReachError(
                f"{error.message}. The run {spec.run_id} goes on without this terminal",
                hint=f"later: aws-run wait {spec.run_id}, then aws-run pull {spec.run_id} -o out; "
                f"aws-run cleanup {spec.run_id} ends it",
            ) from error
        if isinstance(error, CapacityError):
            self._try_to_stop("aws-run: no capacity")
            return Outcome(exit_code=error.exit_code, reason="capacity", sentence=_with_hint(error))
        return self._theirs() or self._lost(error)

    def _theirs(self) -> Outcome | None:
        """How the run ended where another terminal cancelled it or cleaned it up; None too when nobody can tell."""
        try:
            return self._store.read(self._spec.run_id)[0].outcome
        except Exception:  # noqa: BLE001
            return None

    def _lost(self, error: Exception) -> Outcome:
        self._try_to_stop("aws-run: lost sight of the task")
        if isinstance(error, AwsRunError):
            return Outcome(exit_code=error.exit_code, reason="lost", sentence=_with_hint(error))
        sentence = f"the run could not be followed any more, and was ended ({sentence_of(error)})"
        return Outcome(exit_code=EXIT_TOOL, reason="lost", sentence=sentence)

    def _goes_again(self, outcome: Outcome, attempt: int) -> bool:
        retry = self._spec.job.retry
        left_s = (self._accepted.deadline - self._context.clock.now()).total_seconds()
        return (
            outcome.reason in ("interruption", "spot-notice")
            and "interruption" in retry.on
            and attempt <= retry.max
            and left_s > _WORTH_ANOTHER_S
        )

    def _start_again(self, outcome: Outcome, attempt: int) -> None:
        """The next attempt begins with the checkpoint that the last one saved; the deadline is that of all of them."""
        context, spec = self._context, self._spec
        context.emit(Notice(text=f"{outcome.sentence}; starting attempt {attempt}", level="warning"))
        # Before anything is asked for: who looks at the run must see one that goes on, not one whose task has ended.
        stopped_at = iso(context.clock.now())
        self._note(lambda record: record.with_attempt(attempt, last=outcome, stopped_at=stopped_at))
        self._backend.prepare_retry(spec)
        self._task_arn = accept(context, self._accepted.request(attempt))
        handle = TaskHandle(id=self._task_arn, place=spec.names.cluster)
        self._note(lambda record: record.with_handle(handle, attempt=attempt))
        self._backend.on_task_accepted(spec, self._task_arn, self._accepted.deadline, context.emit)

    def _note(self, step: Callable[[Record], Record]) -> None:
        """Writes one step into the record, with a sign of life."""
        renewed_at = iso(self._context.clock.now())
        self._writer.change(lambda record: replace(step(record), renewed_at=renewed_at), now=True)

    def _stop(self, watch: Watch) -> Mapping[str, Any] | None:
        """The job is told to stop and given its grace; what it had written is saved by the entrypoint."""
        context = self._context
        context.emit(
            Notice(text="interrupted: stopping the job (press Ctrl-C again to leave at once)", level="warning")
        )
        if not self._try_to_stop("aws-run: interrupted"):
            return None
        try:
            return watch.follow()
        except Exception as error:  # noqa: BLE001
            context.emit(Notice(text=f"the job's end could not be seen: {sentence_of(error)}", level="warning"))
            return None

    def _try_to_stop(self, reason: str) -> bool:
        """The teardown takes the machine away all the same; asking first gives the job its grace."""
        try:
            teardown.stop_task(self._context.aws, self._writer.record, reason)
        except Exception as error:  # noqa: BLE001
            unfailing(self._context.emit)(
                Notice(text=f"the task could not be stopped: {sentence_of(error)}", level="warning")
            )
            return False
        return True

    def _end(self, outcome: Outcome, task: Mapping[str, Any] | None) -> SubmitResult:
        """Cost first: the teardown runs while the outputs come down, and is waited for whatever else is raised."""
        spec, context = self._spec, self._context
        stopped = context.clock.now()
        teardown.note_outcome(self._writer, outcome, task, iso(stopped))
        lost = outcome.reason == "bucket-gone"
        ours = self._writer.record.stopped_at == iso(stopped)  # else another client has ended it, and saved the log
        if ours and not lost:
            teardown.save_log(self._store, context.emit, spec.keys.log, self._log)
        before = self._usage(task, stopped)
        done: Future[teardown.TeardownResult] = Future()

        def tear_down() -> None:
            try:
                done.set_result(teardown.teardown(context.aws, context.clock, context.emit, self._store, self._writer))
            except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
                done.set_exception(error)

        # No daemon: the thread that it is started from is none either, and the process ends after both.
        thread = threading.Thread(target=tear_down, name="teardown", daemon=False)
        thread.start()
        try:
            fetch_error = self._fetch(lost)
        finally:
            thread.join()
        try:
            removed = done.result()
        except Exception as error:
            raise AwsRunError(
                f"{outcome.sentence}; the teardown itself failed ({sentence_of(error)})",
                hint=f"aws-run cleanup {spec.run_id}",
            ) from error
        return self._submitted(outcome, self._paid(task, before), removed, fetch_error, task)

    def _fetch(self, lost: bool) -> AwsRunError | None:
        """What kept the outputs from coming down, whatever it was."""
        try:
            self._outputs.stop()
            return None if lost else self._outputs.finish()
        except Exception as error:  # noqa: BLE001 - the outputs are in S3, and the teardown goes on beside this
            hint = f"aws-run pull {self._spec.run_id} tries again"
            failed = TransferError(f"The outputs could not be fetched ({sentence_of(error)})", hint=hint)
            unfailing(self._context.emit)(Notice(text=failed.message, level="warning", hint=hint))
            return failed

    def _paid(self, task: Mapping[str, Any] | None, before: Usage) -> teardown.Receipt:
        usage = self._usage(task, self._context.clock.now()) if self._backend.name == "ec2" else before
        usage = usage if usage.seconds >= before.seconds else before
        paid = teardown.receipt(self._backend.charges(self._spec.offer.hardware, usage), usage)
        if paid.total_usd is not None:
            self._note_cost(f"{paid.total_usd:.6f}")
        return paid

    def _note_cost(self, usd: str) -> None:
        try:
            self._writer.change(lambda record: replace(record, cost_usd=usd), now=True)
        except Exception as error:  # noqa: BLE001
            unfailing(self._context.emit)(
                Notice(text=f"the cost could not be recorded: {sentence_of(error)}", level="warning")
            )

    def _usage(self, task: Mapping[str, Any] | None, now: datetime) -> Usage:
        try:
            return self._backend.usage(self._spec, task or {}, now)
        except Exception as error:  # noqa: BLE001
            unfailing(self._context.emit)(
                Notice(text=f"what was used could not be read: {sentence_of(error)}", level="warning")
            )
            return Usage(seconds=0.0)

    def _submitted(
        self,
        outcome: Outcome,
        paid: teardown.Receipt,
        torn: teardown.TeardownResult,
        fetch_error: AwsRunError | None,
        task: Mapping[str, Any] | None,
    ) -> SubmitResult:
        spec = self._spec
        teardown_error = None
        lost = outcome.reason == "bucket-gone"
        left = views.left_view(torn, spec.region)
        try:
            torn.raise_if_failed(spec.region)
        except TeardownError as error:
            teardown_error = error
        receipt: ReceiptView | None = views.receipt_view(paid, label=self._cost_label)
        began, ended = (task or {}).get("startedAt"), (task or {}).get("stoppedAt")
        code = (
            outcome.exit_code
            or (fetch_error.exit_code if fetch_error else 0)
            or (teardown_error.exit_code if teardown_error else 0)
        )
        view = OutcomeView(
            run_id=spec.run_id,
            exit_code=code,
            status=outcome.sentence if not fetch_error else f"{outcome.sentence}; {fetch_error.message}",
            seconds=(ended - began).total_seconds() if began and ended else None,
            output_dir=None if lost else self._decided.output,
            s3_uri=None if lost else f"s3://{spec.bucket}/{spec.keys.output}",
            console_url=None if lost else views.output_link(spec.bucket, spec.keys.output, spec.region),
            receipt=receipt,
            left=left,
            next_commands=_next(outcome, spec, cleanup=outcome.reason == "lost" or teardown_error is not None),
        )
        return SubmitResult(view=view, exit_code=code, teardown_error=teardown_error)


def detached_result(spec: RunSpec) -> SubmitResult:
    view = OutcomeView(
        run_id=spec.run_id,
        exit_code=0,
        status="accepted; it runs without this terminal, saves its outputs and stops billing by itself",
        s3_uri=f"s3://{spec.bucket}/{spec.keys.output}",
        console_url=views.output_link(spec.bucket, spec.keys.output, spec.region),
        next_commands=(
            f"aws-run status {spec.run_id}",
            f"aws-run logs {spec.run_id} -f",
            f"aws-run pull {spec.run_id} -o out",
        ),
    )
    return SubmitResult(view=view, exit_code=0)


def _next(outcome: Outcome, spec: RunSpec, *, cleanup: bool) -> tuple[str, ...]:
    """A job that never ran has no log. `cleanup`: something may be left."""
    last = (f"aws-run cleanup {spec.run_id}",) if cleanup else ()
    if outcome.exit_code == 0 or outcome.reason == "bucket-gone":
        return last
    return (f"aws-run {'explain' if outcome.reason in _NO_LOG else 'logs'} {spec.run_id}", *last)


def _with_hint(error: Exception) -> str:
    hint = error.hint if isinstance(error, AwsRunError) else None
    return f"{sentence_of(error)} ({hint})" if hint else sentence_of(error)
