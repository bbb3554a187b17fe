"""An accepted run, followed to its end by the client that started it: attempts, Ctrl-C, outputs, receipt, teardown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from aws_run.aws.errors import passes
from aws_run.backends.base import Backend, RunSpec, Usage
from aws_run.clock import iso
from aws_run.errors import (
    EXIT_INTERRUPT,
    AwsCallError,
    AwsRunError,
    CapacityError,
    CredentialsError,
    InterruptedRunError,
    TeardownError,
)
from aws_run.events import Notice
from aws_run.infra.store import RecordWriter, RunStore
from aws_run.record import Outcome
from aws_run.report.views import OutcomeView, ReceiptView
from aws_run.usecases import finish, verdict, views
from aws_run.usecases.bench import Bench
from aws_run.usecases.fetch import Fetch
from aws_run.usecases.kept_log import KeptLog
from aws_run.usecases.launch import Accepted
from aws_run.usecases.survey import Decided
from aws_run.usecases.task import accept
from aws_run.usecases.unhurried import unhurried
from aws_run.usecases.watch import Watch

_WORTH_ANOTHER_S = 60  # less time than this before the deadline is not worth another attempt
# Asked at the first Ctrl-C of a run that is on its way: leave it running, or stop it?
OnInterrupt = Callable[[], Literal["cancel", "detach"]]
# How a run ended, and its task where ECS still shows it.
Ended = tuple[Outcome, Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A run that ended (or, detached, that was accepted). `teardown_error`: something could not be shown to be gone."""

    view: OutcomeView
    exit_code: int
    teardown_error: TeardownError | None = None


@contextmanager
def leaving_at_once(run_id: str) -> Iterator[None]:
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


class Run:
    """An accepted run, followed to its end by the client that started it."""

    def __init__(
        self,
        bench: Bench,
        backend: Backend,
        decided: Decided,
        store: RunStore,
        writer: RecordWriter,
        accepted: Accepted,
        on_interrupt: OnInterrupt,
        cost_label: str,
    ) -> None:
        self._bench = bench
        self._backend = backend
        self._spec = decided.spec
        self._decided = decided
        self._store = store
        self._writer = writer
        self._accepted = accepted
        self._task_arn = accepted.task_arn
        self._log = KeptLog()
        self._on_interrupt = on_interrupt
        self._cost_label = cost_label
        self._outputs = Fetch(bench, decided.spec)

    def to_the_end(self) -> Submitted:
        """Whatever happens to an accepted run ends in the teardown, but for two things: the user leaves it running, or
        AWS can't be reached any more, in which case the deadline that lives there is what ends it."""
        self._outputs.start()
        try:
            outcome, task = self._attempts()
        except _Detached:
            self._outputs.leave()
            self._writer.change(lambda record: replace(record, detached=True), now=True)
            return detached(self._spec)
        # Who has been told that Ctrl-C leaves at once is not told twice.
        presses = 1 if outcome is _INTERRUPTED else 2
        with leaving_at_once(self._spec.run_id):
            return unhurried(self._bench.emit, lambda: self._end(outcome, task), presses=presses)

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
            except AwsRunError as error:
                again = f"{outcome.sentence}; another attempt could not be started: {_with_hint(error)}"
                return replace(outcome, sentence=again), task

    def _watch(self) -> Watch:
        spec, bench = self._spec, self._bench
        return Watch(
            bench.aws,
            bench.clock,
            cluster=spec.names.cluster,
            task_arn=self._task_arn,
            log_group=spec.project.log_group,
            run_id=spec.run_id,
            emit=bench.emit,
            poll_s=bench.poll_s,
            longest_poll_s=bench.longest_poll_s,
            check_capacity=lambda: self._backend.check_capacity(spec, bench.emit),
            on_placed=lambda: self._backend.in_service(spec),
            keep=lambda line: self._log.add(line.text),
        )

    def _follow(self, watch: Watch, attempt: int) -> Ended:
        try:
            task = watch.follow()
            return self._judge(task, attempt), task
        except KeyboardInterrupt:
            with leaving_at_once(self._spec.run_id):
                if self._on_interrupt() == "detach":
                    raise _Detached from None
                return _INTERRUPTED, self._stop(watch)
        except AwsRunError as error:
            return self._gave_up(error), None

    def _judge(self, task: Mapping[str, Any], attempt: int) -> Outcome:
        outcome = verdict.judge(task, self._store.get(self._spec.keys.result), attempt)
        if outcome.reason in ("no-result", "unknown") and not self._store.exists():
            return verdict.without_bucket(outcome, self._spec.bucket)
        if outcome.reason == "deadline" and self._spec.timeout_s < self._spec.config.timeout_s:
            return replace(outcome, sentence="the job was stopped where --max-cost ends it")
        return outcome

    def _gave_up(self, error: AwsRunError) -> Outcome:
        """What the run ends with when following it fails. Raises when AWS itself is out of reach."""
        spec = self._spec
        if isinstance(error, CredentialsError) or (isinstance(error, AwsCallError) and passes(error)):
            raise AwsRunError(
                f"{error.message}. The run {spec.run_id} goes on without this terminal",
                hint=f"later: aws-run wait {spec.run_id}, then aws-run pull {spec.run_id} -o out",
            ) from error
        if isinstance(error, CapacityError):
            self._try_to_stop("aws-run: no capacity")
            return Outcome(exit_code=error.exit_code, reason="capacity", sentence=_with_hint(error))
        theirs = self._store.read(spec.run_id)[0].outcome
        if theirs is not None:  # cancelled or cleaned up from another terminal
            return theirs
        self._try_to_stop("aws-run: lost sight of the task")
        return Outcome(exit_code=error.exit_code, reason="lost", sentence=_with_hint(error))

    def _goes_again(self, outcome: Outcome, attempt: int) -> bool:
        retry = self._spec.config.retry
        left_s = (self._accepted.deadline - self._bench.clock.now()).total_seconds()
        return (
            outcome.reason in ("interruption", "spot-notice")
            and "interruption" in retry.on
            and attempt <= retry.max
            and left_s > _WORTH_ANOTHER_S
        )

    def _start_again(self, outcome: Outcome, attempt: int) -> None:
        """The next attempt begins with the checkpoint that the last one saved; the deadline is that of all of them."""
        bench, spec = self._bench, self._spec
        bench.emit(Notice(text=f"{outcome.sentence}; starting attempt {attempt}", level="warning"))
        # Before anything is asked for: who looks at the run must see one that goes on, not one whose task has ended.
        self._write(attempt=attempt, task_arn=None)
        self._backend.again(spec)
        self._task_arn = accept(bench, self._accepted.request(attempt))
        self._write(task_arn=self._task_arn)
        self._backend.accepted(spec, self._task_arn, self._accepted.deadline, bench.emit)

    def _write(self, **changes: Any) -> None:
        """Into the record, with a sign of life."""
        renewed_at = iso(self._bench.clock.now())
        self._writer.change(lambda record: replace(record, renewed_at=renewed_at, **changes), now=True)

    def _stop(self, watch: Watch) -> Mapping[str, Any] | None:
        """The job is told to stop and given its grace; what it had written is saved by the entrypoint."""
        bench = self._bench
        bench.emit(Notice(text="interrupted: stopping the job (press Ctrl-C again to leave at once)", level="warning"))
        if not self._try_to_stop("aws-run: interrupted"):
            return None
        try:
            return watch.follow()
        except AwsRunError as error:
            bench.emit(Notice(text=f"the job's end could not be seen: {error.message}", level="warning"))
            return None

    def _try_to_stop(self, reason: str) -> bool:
        """The teardown takes the machine away all the same; asking first gives the job its grace."""
        try:
            finish.stop_task(self._bench.aws, self._writer.record, reason)
        except AwsRunError as error:
            self._bench.emit(Notice(text=f"the task could not be stopped: {error.message}", level="warning"))
            return False
        return True

    def _end(self, outcome: Outcome, task: Mapping[str, Any] | None) -> Submitted:
        """Cost first: the teardown runs while the outputs come down."""
        spec, bench = self._spec, self._bench
        stopped = bench.clock.now()
        finish.note_outcome(self._writer, outcome, task, iso(stopped))
        lost = outcome.reason == "bucket-gone"
        ours = self._writer.record.stopped_at == iso(stopped)  # else another client has ended it, and saved the log
        if ours and not lost:
            finish.save_log(self._store, bench.emit, spec.keys.log, self._log)
        before = self._usage(task, stopped)
        torn: list[finish.Teardown] = []
        thread = threading.Thread(
            target=lambda: torn.append(finish.teardown(bench.aws, bench.clock, bench.emit, self._store, self._writer)),
            name="teardown",
        )
        thread.start()
        self._outputs.stop()
        fetch_error = None if lost else self._outputs.finish()
        thread.join()
        if not torn:  # a fault of ours, shown by its thread: the run must not look as if nothing were left
            raise AwsRunError("The teardown itself failed", hint=f"aws-run cleanup {spec.run_id}")
        usage = self._usage(task, bench.clock.now()) if self._backend.name == "ec2" else before
        usage = usage if usage.seconds >= before.seconds else before
        paid = finish.receipt(self._backend.charges(spec.site.hardware, usage), usage)
        if paid.total_usd is not None:
            self._note_cost(f"{paid.total_usd:.6f}")
        return self._submitted(outcome, paid, torn[0], fetch_error, task)

    def _note_cost(self, usd: str) -> None:
        try:
            self._writer.change(lambda record: replace(record, cost_usd=usd), now=True)
        except AwsRunError as error:
            self._bench.emit(Notice(text=f"the cost could not be recorded: {error.message}", level="warning"))

    def _usage(self, task: Mapping[str, Any] | None, now: datetime) -> Usage:
        try:
            return self._backend.usage(self._spec, task or {}, now)
        except AwsRunError as error:
            self._bench.emit(Notice(text=f"what was used could not be read: {error.message}", level="warning"))
            return Usage(seconds=0.0)

    def _submitted(
        self,
        outcome: Outcome,
        paid: finish.Receipt,
        torn: finish.Teardown,
        fetch_error: AwsRunError | None,
        task: Mapping[str, Any] | None,
    ) -> Submitted:
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
            output_dir=None if lost else spec.config.output,
            s3_uri=None if lost else f"s3://{spec.bucket}/{spec.keys.output}",
            console_url=None if lost else views.output_link(spec.bucket, spec.keys.output, spec.region),
            receipt=receipt,
            left=left,
            next_commands=_next(outcome, spec),
        )
        return Submitted(view=view, exit_code=code, teardown_error=teardown_error)


def detached(spec: RunSpec) -> Submitted:
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
    return Submitted(view=view, exit_code=0)


def _next(outcome: Outcome, spec: RunSpec) -> tuple[str, ...]:
    """A job that never ran has no log."""
    if outcome.exit_code == 0 or outcome.reason == "bucket-gone":
        return ()
    return (f"aws-run {'explain' if outcome.reason in _NO_LOG else 'logs'} {spec.run_id}",)


def _with_hint(error: AwsRunError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
