"""`aws-run bench`: one sample on several machines at once, and what it took on each.

Each is an ordinary run that nobody follows from its acceptance on: they go on side by side, and here each one is waited
for, finished and removed. Whatever goes wrong, what was started is ended before this returns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from aws_run.clock import wait_until
from aws_run.config import Config
from aws_run.errors import (
    EXIT_TOOL,
    AmbiguousScriptError,
    AwsRunError,
    DeclinedError,
    InterruptedRunError,
    RunNotFoundError,
    UsageError,
    sentence_of,
)
from aws_run.events import Notice, RunStarted, TeardownStep, unfailing
from aws_run.frozen import frozen
from aws_run.hints import command, quoted
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.follow.patience import Patience
from aws_run.lifecycle.receipt_views import receipt_view
from aws_run.lifecycle.run_status import current_status
from aws_run.lifecycle.what_ran import seconds_of
from aws_run.pricing.knee import Measured, best, knee
from aws_run.report.views import PlanView, ReceiptView
from aws_run.runs.record import Record
from aws_run.runs.writer import RecordWriter
from aws_run.usecases.cancel import cancel
from aws_run.usecases.pull import pull
from aws_run.usecases.submit import submit
from aws_run.usecases.wait import wait

_WAKES_EVERY_S = 0.5
_OTHERS_REMOVE_WITHIN_S = 150.0  # a little longer than who is at a removal is left alone, so that this one then ends it


@frozen
class BenchRow:
    """One offer. `seconds`: of the job; `usd`: of the whole run; `usd_of_job`: of the job's seconds, at what a second
    of the run cost. None: it did not come so far, which `sentence` explains. `files`: of the sample."""

    offer: str
    run_id: str = ""
    exit_code: int = EXIT_TOOL
    sentence: str = ""
    hardware: str = ""
    seconds: float | None = None
    usd: Decimal | None = None
    usd_of_job: Decimal | None = None
    files: int = 0
    output: Path | None = None
    gone: bool = False  # all that it used, as AWS's own listings show
    receipt: ReceiptView | None = None

    @property
    def usd_per_1000_files(self) -> Decimal | None:
        return None if self.usd_of_job is None or not self.files else self.usd_of_job * 1000 / self.files

    @property
    def measured(self) -> Measured | None:
        """None where it failed: a job that did not do its work is no measure of it."""
        if self.exit_code != 0 or self.seconds is None or self.usd_of_job is None:
            return None
        return Measured(name=self.offer, seconds=self.seconds, usd=self.usd_of_job)


@frozen
class Bench:
    """`knee`: the offer beyond which more money buys less time than it costs; None where no run has ended well.
    `best`: the offers that none beats in both time and cost."""

    rows: tuple[BenchRow, ...]
    knee: str | None
    best: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """That of the first that failed: a row without a result is no success."""
        return next((row.exit_code for row in self.rows if row.exit_code != 0), 0)


def bench(
    context: AppContext,
    offers: Mapping[str, Config],
    *,
    show_plan: Callable[[str, PlanView], None],
    on_end: Callable[[BenchRow], None],
    cost_label: str = "cost",
    verbose: bool = False,
) -> Bench:
    """`offers`: the same job by the name of what it runs on, started in this order. One that can't be started is a row
    with its reason; what holds for all of them is raised (several scripts that would do, a question answered with no).
    `verbose`: each run's notices and removals are events. InterruptedRunError after Ctrl-C, when all of them are ended,
    or names those that may not be."""
    rows: dict[str, BenchRow] = {}
    started: dict[str, str] = {}  # from before a run's record on: one that an interrupt cuts short is ended as well
    pool = ThreadPoolExecutor(max_workers=max(1, len(offers)), thread_name_prefix="bench")
    waiting: dict[Future[BenchRow], str] = {}

    def end(row: BenchRow) -> None:
        rows[row.offer] = row
        on_end(row)

    try:
        for name, config in offers.items():
            quiet = replace(context, stop=threading.Event(), emit=_named(context, name, started, verbose=verbose))
            try:
                accepted = submit(
                    config,
                    quiet,
                    show_plan=lambda view, name=name: show_plan(name, view),  # type: ignore[misc]
                    detach=True,
                    cost_label=cost_label,
                )
            except (InterruptedRunError, DeclinedError, AmbiguousScriptError):
                raise
            except AwsRunError as error:
                end(BenchRow(offer=name, exit_code=error.exit_code or EXIT_TOOL, sentence=_with_hint(error)))
                continue
            waiting[pool.submit(_measure, quiet, name, config, accepted.record.run_id, cost_label)] = name
        while waiting:
            done, _ = wait_for(waiting, timeout=_WAKES_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                end(_row_of(future, waiting.pop(future), started))
    except BaseException as error:
        left = _end_all(context, [run for name, run in started.items() if name not in rows or not rows[name].gone])
        if isinstance(error, (KeyboardInterrupt, InterruptedRunError)):
            raise _interrupted(left) from None
        raise
    finally:
        pool.shutdown(wait=False)
    ordered = tuple(rows[name] for name in offers)
    measured = [one for row in ordered if (one := row.measured) is not None]
    chosen = knee(measured)
    return Bench(
        rows=ordered,
        knee=chosen.name if chosen is not None else None,
        best=tuple(one.name for one in best(measured)),
    )


def _row_of(future: Future[BenchRow], name: str, started: Mapping[str, str]) -> BenchRow:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - one that can't be followed hides none of the others
        run = started[name]
        text = f"{sentence_of(error)}; " + quoted("cleanup", run) + " ends it"
        return BenchRow(offer=name, run_id=run, sentence=text)


def _measure(context: AppContext, name: str, config: Config, run_id: str, cost_label: str) -> BenchRow:
    """Waits for the run, finishes it, and fetches its outputs where it ended well."""
    record, into = _removed(context, wait(context, run_id, config.name).record), config.output
    row = replace(_row(name, record), gone=record.state == "removed", receipt=receipt_view(record, label=cost_label))
    if row.exit_code == 0 and into is not None:
        try:
            pull(context, run_id, config.name, into, overwrite=True)
        except AwsRunError as error:
            return replace(row, exit_code=error.exit_code or EXIT_TOOL, sentence=_with_hint(error))
        row = replace(row, output=into)
    if not row.gone:
        text = f"{row.sentence}; not everything could be shown to be gone: " + quoted("cleanup", run_id)
        return replace(row, exit_code=row.exit_code or EXIT_TOOL, sentence=text)
    return row


def _removed(context: AppContext, record: Record) -> Record:
    """The run's record once all of it is gone, or as it stands where that can't be had: who starts another run, this
    bench itself among them, may have come upon its end first and still be at its removal."""

    patiently = Patience(context.clock, context.emit, context.poll_s)

    def look() -> Record:
        writer = RecordWriter.resume(lookup.store(context), record.run_id, context.clock)
        return current_status(context, writer).record

    def gone() -> bool:
        nonlocal record
        if record.state != "removed":
            record = patiently(look)
        return record.state == "removed"

    wait_until(context.clock, gone, for_s=_OTHERS_REMOVE_WITHIN_S)
    return record


def _row(name: str, record: Record) -> BenchRow:
    outcome, receipt, seconds = record.outcome, record.receipt, seconds_of(record)
    usd = record.usd
    of_job = None
    if usd is not None and seconds is not None and receipt is not None and Decimal(receipt.billed_s or 0) > 0:
        of_job = usd / Decimal(receipt.billed_s or 1) * Decimal(str(seconds))
    inputs = (record.job or {}).get("inputs") or record.inputs
    files = sum(int(one.get("files") or 0) for one in inputs if isinstance(one, Mapping))
    return BenchRow(
        offer=name,
        run_id=record.run_id,
        exit_code=EXIT_TOOL if outcome is None else outcome.exit_code,
        sentence=outcome.sentence if outcome else "it ended without a result",
        hardware=record.hardware.description if record.hardware else "",
        seconds=seconds,
        usd=usd,
        usd_of_job=of_job,
        files=files,
    )


def _end_all(context: AppContext, runs: Sequence[str]) -> list[str]:
    """Those that could not be shown to be gone. Side by side, because each takes a machine's time to end; every one is
    tried. InterruptedRunError at another Ctrl-C: who is still at it ends with the process."""
    left: list[str] = []

    def end(run: str) -> None:
        try:
            _cancelled(context, run)
        except Exception as error:  # noqa: BLE001 - one that can't be ended keeps no other from being ended
            left.append(run)
            text = f"{run} could not be ended: {sentence_of(error)}"
            unfailing(context.emit)(Notice(text=text, level="warning", hint=command("cleanup", run)))

    threads = [threading.Thread(target=end, args=(run,), name="bench-end") for run in runs]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"Left at once; {', '.join(runs)} may still have something in AWS (their deadlines hold)",
            hint=quoted("cleanup", "RUN") + " for each of them",
        ) from None
    return left


def _cancelled(context: AppContext, run: str) -> None:
    try:
        record, result = cancel(context, run, None, reason="the bench was ended")
    except RunNotFoundError:  # its record comes before all else of it
        return
    result.raise_if_failed(record.region)


def _interrupted(left: Sequence[str]) -> InterruptedRunError:
    if not left:
        return InterruptedRunError("Interrupted; all runs of the bench were stopped and removed")
    return InterruptedRunError(
        f"Interrupted; the runs of the bench were stopped, but {', '.join(left)} may still have something in AWS "
        "(their deadlines hold)",
        hint=quoted("cleanup", "RUN") + " for each of them",
    )


def _named(context: AppContext, name: str, started: dict[str, str], *, verbose: bool) -> Callable[[object], None]:
    """Only what a user has to know, with the offer's name before it. Its run goes into `started`."""

    def emit(event: object) -> None:
        if isinstance(event, RunStarted):
            started[name] = event.run_id
        elif isinstance(event, Notice) and (verbose or event.level == "warning"):
            context.emit(replace(event, text=f"{name}: " + event.text))
        elif isinstance(event, TeardownStep) and verbose:
            context.emit(event)

    return emit


def _with_hint(error: AwsRunError) -> str:
    return f"{error.message} (" + error.hint + ")" if error.hint else error.message


def refuse_same(names: tuple[str, ...]) -> None:
    """UsageError for fewer than two offers, or one named twice."""
    if len(set(names)) != len(names):
        raise UsageError("--on names an offer twice", hint="name each one once")
    if len(names) < 2:
        raise UsageError("--on compares offers, and fewer than two are named", hint="--on c7i.large,c7g.large")
