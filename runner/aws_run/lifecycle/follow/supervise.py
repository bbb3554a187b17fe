"""An accepted run, followed to its end by the client that started it: attempts, Ctrl-C, and then its ending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from aws_run.backends.base import Backend
from aws_run.backends.executor import TaskState
from aws_run.clock import iso
from aws_run.errors import (
    EXIT_INTERRUPT,
    EXIT_TOOL,
    AwsRunError,
    CapacityError,
    InterruptedRunError,
    OutOfReachError,
    sentence_of,
)
from aws_run.events import JobLimits, Notice, unfailing
from aws_run.hints import command, quoted
from aws_run.lifecycle import budget
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.end.ending import RunEnding, SubmitResult, detached_result
from aws_run.lifecycle.follow import outcome as outcomes
from aws_run.lifecycle.follow.another_attempt import AnotherAttempt, another_attempt
from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.lifecycle.follow.output_fetcher import OutputFetcher
from aws_run.lifecycle.follow.patience import Patience, goes_on, out_of_reach
from aws_run.lifecycle.follow.watch import Watch
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.lifecycle.start import accept
from aws_run.lifecycle.start.preflight import RunPlan
from aws_run.lifecycle.start.provision import AcceptedTask
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

# Asked at the first Ctrl-C of a run that is on its way: leave it running, or stop it?
OnInterrupt = Callable[[], Literal["cancel", "detach"]]
# How a run ended, and its task as it was last seen.
Ended = tuple[Outcome, TaskState | None]


@contextmanager
def leave_on_interrupt(run_id: str, is_gone: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Ctrl-C while things are already being stopped or removed: go, and say what finishes the job. `is_gone`: whether
    all that the run used has been removed by then."""
    try:
        yield
    except KeyboardInterrupt:
        if is_gone():
            raise InterruptedRunError(
                f"Left at once: {run_id} has ended and what it used is gone; its outputs are not all here",
                hint=command("pull", run_id),
            ) from None
        raise InterruptedRunError(
            f"Left at once: {run_id} may still have something in AWS (its deadline holds without this terminal)",
            hint=command("cleanup", run_id),
        ) from None


def _answer(on_interrupt: OnInterrupt, run_id: str) -> Literal["cancel", "detach"]:
    """Another Ctrl-C at the question leaves the run as it is."""
    try:
        return on_interrupt()
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"Left as it is: {run_id} goes on in AWS (its deadline holds without this terminal)",
            hint=quoted("attach", run_id) + " follows it, " + quoted("cancel", run_id) + " ends it",
        ) from None


_INTERRUPTED = Outcome(
    exit_code=EXIT_INTERRUPT, reason=OutcomeReason.INTERRUPTED, sentence="interrupted; the job was stopped"
)


class _Detached(Exception):
    pass


class RunSupervisor:
    """An accepted run, followed to its end by the client that started it."""

    def __init__(
        self,
        context: AppContext,
        *,
        backend: Backend,
        run: RunPlan,
        store: RunStore,
        writer: RecordWriter,
        accepted: AcceptedTask,
        on_interrupt: OnInterrupt,
        cost_label: str,
    ) -> None:
        self._context = context
        self._backend = backend
        self._spec = run.spec
        self._store = store
        self._writer = writer
        self._accepted = accepted
        self._handle = accepted.handle
        self._attempt_began = context.clock.now()
        self._log = LogBuffer()
        self._on_interrupt = on_interrupt
        self._outputs = OutputFetcher(context, run.spec, run.output, follow=run.follow_output)
        self._ending = RunEnding(
            context,
            backend=backend,
            spec=run.spec,
            output=run.output,
            store=store,
            writer=writer,
            outputs=self._outputs,
            log=self._log,
            cost_label=cost_label,
        )

    def run_to_completion(self) -> SubmitResult:
        """Whatever happens to an accepted run ends in the teardown, but for two things: the user leaves it running, or
        AWS can't be reached any more, in which case the deadline that lives there is what ends it."""
        try:
            self._emit_limits()
            self._outputs.start()
            outcome, state = self._attempts()
        except _Detached:
            self._outputs.leave()
            teardown.attempt_or_warn(
                self._context.emit, lambda: self._writer.change(lambda record: replace(record, detached=True), now=True)
            )
            return detached_result(self._spec, self._writer.record)
        except (OutOfReachError, InterruptedRunError):
            self._outputs.leave()
            raise
        except KeyboardInterrupt:
            outcome, state = _INTERRUPTED, None
        except Exception as error:  # noqa: BLE001 - a fault of ours is no reason to let anything bill
            outcome, state = self._lost(error), None
        # Who has been told that Ctrl-C leaves at once is not told twice.
        max_interrupts = 1 if outcome is _INTERRUPTED else 2
        with leave_on_interrupt(self._spec.run_id, lambda: self._ending.all_gone):
            return run_uninterrupted(
                self._context.emit,
                lambda: self._ending.end(outcome, state),
                max_interrupts=max_interrupts,
                on_interrupt=self._give_up_fetching,
            )

    def _give_up_fetching(self) -> str | None:
        if self._outputs.give_up():
            return "the download ends here; what the run used is still removed"
        return None

    def _emit_limits(self) -> None:
        hardware = self._writer.record.hardware
        hour = hardware.usd_per_hour if hardware is not None else None
        usd_per_hour = None if hour is None else Decimal(hour)
        self._context.emit(JobLimits(deadline=self._accepted.deadline, usd_per_hour=usd_per_hour))

    def _attempts(self) -> Ended:
        """One attempt after the other, as long as another may end well and `retry` allows it."""
        attempt, retries = 1, 0
        while True:
            watch = self._watch()
            outcome, state = self._follow(watch, attempt)
            again = another_attempt(
                outcome,
                state,
                retry=self._spec.job.retry,
                retries=retries,
                new_roles=self._accepted.new_roles,
                now=self._context.clock.now(),
                deadline=self._accepted.deadline,
            )
            if again is None:
                return outcome, state
            attempt += 1
            retries += again.counts
            try:
                self._start_again(outcome, attempt, again, state)
            except KeyboardInterrupt:
                return _INTERRUPTED, state
            except Exception as error:  # noqa: BLE001 - whatever it is, this attempt was the last
                sentence = f"{outcome.sentence}; another attempt could not be started: {_with_hint(error)}"
                return replace(outcome, sentence=sentence), state

    def _watch(self) -> Watch:
        spec, context, executor = self._spec, self._context, self._backend.executor
        return Watch(
            executor,
            executor.log_source(self._writer.record, self._handle),
            self._handle,
            clock=context.clock,
            emit=context.emit,
            poll_s=context.poll_s,
            longest_poll_s=context.longest_poll_s,
            check_capacity=self._check_capacity,
            on_placed=lambda: self._backend.on_task_placed(spec),
            keep=lambda line: self._log.add(line.text),
        )

    def _check_capacity(self) -> None:
        try:
            self._backend.check_capacity(self._spec, self._context.emit)
        finally:
            tried = self._backend.tried(self._spec)
            if tried != self._writer.record.tried:
                self._writer.change(lambda record: replace(record, tried=tried))

    def _follow(self, watch: Watch, attempt: int) -> Ended:
        try:
            state = watch.follow()
            return self._classify(state, attempt), state
        except KeyboardInterrupt:
            if _answer(self._on_interrupt, self._spec.run_id) == "detach":
                raise _Detached from None
            with leave_on_interrupt(self._spec.run_id):
                return _INTERRUPTED, self._stop(watch)
        except AwsRunError as error:
            return self._gave_up(error), None

    def _classify(self, state: TaskState, attempt: int) -> Outcome:
        patiently = Patience(self._context.clock, self._context.emit, self._context.poll_s)
        result = patiently(lambda: self._store.get(self._spec.keys.result, most_bytes=outcomes.MOST_RESULT_BYTES))
        used = outcomes.used_of(result, attempt)
        if used is not None:
            teardown.attempt_or_warn(
                self._context.emit, lambda: self._writer.change(lambda record: replace(record, used=used))
            )
        spot, deadline = self._spec.offer.hardware.spot, self._accepted.deadline
        outcome = outcomes.classify(state, result, attempt, spot=spot, deadline=deadline, capped=self._accepted.capped)
        if outcome.reason in (OutcomeReason.NO_RESULT, OutcomeReason.UNKNOWN) and not patiently(self._store.exists):
            return outcomes.without_bucket(outcome, self._spec.bucket)
        return outcome

    def _gave_up(self, error: AwsRunError) -> Outcome:
        """What the run ends with when following it fails. OutOfReachError when nothing can be done about it now."""
        if out_of_reach(error):
            raise goes_on(error, self._spec.run_id) from error
        if isinstance(error, CapacityError):
            self._try_to_stop("aws-run: no capacity")
            return Outcome(
                exit_code=error.exit_code,
                reason=OutcomeReason.CAPACITY,
                sentence=_with_hint(error),
                stop_code=error.code or None,
            )
        return self._theirs() or self._lost(error)

    def _theirs(self) -> Outcome | None:
        """How the run ended where another terminal cancelled it or cleaned it up; None too when nobody can tell."""
        try:
            return self._store.read(self._spec.run_id)[0].outcome
        except Exception:  # noqa: BLE001 - the caller has the error that matters already
            return None

    def _lost(self, error: Exception) -> Outcome:
        self._try_to_stop("aws-run: lost sight of the task")
        if isinstance(error, AwsRunError):
            return Outcome(exit_code=error.exit_code, reason=OutcomeReason.LOST, sentence=_with_hint(error))
        sentence = f"the run could not be followed any more, and was ended ({sentence_of(error)})"
        return Outcome(exit_code=EXIT_TOOL, reason=OutcomeReason.LOST, sentence=sentence)

    def _start_again(self, outcome: Outcome, attempt: int, again: AnotherAttempt, ended: TaskState | None) -> None:
        """The next attempt begins with the checkpoint that the last one saved; the deadline is that of all of them."""
        context, spec = self._context, self._spec
        why = f"{outcome.sentence}: {again.why}" if again.why else outcome.sentence
        context.emit(Notice(text=f"{why}; starting attempt {attempt}", level="warning"))
        self._pay_minimum()
        # Before anything is asked for: who looks at the run must see one that goes on, not one whose task has ended.
        began, stopped = (ended.started_at, ended.stopped_at) if ended is not None else (None, None)
        started_at, stopped_at = iso(began) if began else None, iso(stopped or context.clock.now())
        billed_s = _billed_s(ended)
        self._note(
            lambda record: record.with_attempt(
                attempt, last=outcome, started_at=started_at, stopped_at=stopped_at, billed_s=billed_s
            )
        )
        if again.wait_s:
            context.clock.sleep(again.wait_s)
        if again.new_machine:
            self._backend.prepare_retry(spec)
        request = replace(self._accepted.request, attempt=attempt)
        self._handle = accept.start_task(self._backend.executor, request, clock=context.clock, emit=context.emit)
        self._note(lambda record: record.with_handle(self._handle, attempt=attempt))
        self._backend.on_task_accepted(spec, self._handle, self._accepted.deadline, context.emit)

    def _pay_minimum(self) -> None:
        """An attempt that was shorter than what AWS bills at least has cost more than its time: a run with a cap gives
        that time back from its deadline, so that many short attempts cost no more than it."""
        now = self._context.clock.now()
        short_s = budget.unpaid_s(self._spec, (now - self._attempt_began).total_seconds())
        self._attempt_began = now
        if short_s:
            deadline = self._accepted.deadline - timedelta(seconds=short_s)
            self._accepted = replace(self._accepted, request=replace(self._accepted.request, deadline=deadline))

    def _note(self, step: Callable[[Record], Record]) -> None:
        """Writes one step into the record, with a sign of life."""
        renewed_at = iso(self._context.clock.now())
        self._writer.change(lambda record: replace(step(record), renewed_at=renewed_at), now=True)

    def _stop(self, watch: Watch) -> TaskState | None:
        """The job is told to stop and given its grace; what it had written is saved by the entrypoint."""
        context = self._context
        context.emit(
            Notice(text="interrupted: stopping the job (press Ctrl-C again to leave at once)", level="warning")
        )
        if not self._try_to_stop("aws-run: interrupted"):
            return None
        try:
            return watch.follow()
        except Exception as error:  # noqa: BLE001 - the teardown ends the job all the same
            context.emit(Notice(text=f"the job's end could not be seen: {sentence_of(error)}", level="warning"))
            return None

    def _try_to_stop(self, reason: str) -> bool:
        """The teardown takes the machine away all the same; asking first gives the job its grace."""
        try:
            self._backend.executor.stop(self._handle, reason)
        except Exception as error:  # noqa: BLE001 - the teardown takes its machine away
            unfailing(self._context.emit)(
                Notice(text=f"the task could not be stopped: {sentence_of(error)}", level="warning")
            )
            return False
        return True


def _billed_s(state: TaskState | None) -> float | None:
    """How long a task that has ended was billed for; None where its service does not say."""
    if state is None or state.billed_from is None or state.stopped_at is None:
        return None
    return max((state.stopped_at - state.billed_from).total_seconds(), 0.0)


def _with_hint(error: Exception) -> str:
    hint = error.hint if isinstance(error, AwsRunError) else None
    return f"{sentence_of(error)} ({hint})" if hint else sentence_of(error)
