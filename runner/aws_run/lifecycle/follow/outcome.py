"""How a run ended, from what its executor saw and what the container wrote as its last act. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from typing_extensions import assert_never

from aws_run.backends.executor import EndCause, TaskEnd, TaskState
from aws_run.documents import DocumentError, Fields, harmless, parse_object
from aws_run.errors import EXIT_TOOL
from aws_run.frozen import frozen
from aws_run.project.missing.modules import module_advice
from aws_run.runs import money_reader
from aws_run.runs.outcome import OutcomeReason, reason_of
from aws_run.runs.record import LeftBehind, Outcome, UsedEntry
from aws_run.runs.record_reader import MOST_COUNT, left_behind_of

MOST_RESULT_BYTES = 1024 * 1024
_MOST_TEXT = 100_000
_KILLED = (None, 137, 143)  # SIGKILL, SIGTERM, or nobody knows
# PyTorch, and whatever writes a file there.
_SHARED_MEMORY_FULL = re.compile(r"insufficient shared memory|No space left on device:? .{0,40}/dev/shm")
_FROM_OUTSIDE = (EndCause.INTERRUPTED, EndCause.MACHINE_FAILED, EndCause.STOPPED, EndCause.UNKNOWN)


@frozen
class JobResult:
    """The entrypoint's result.json. `saved_files`: None where the outputs were not saved, or by an entrypoint that does
    not tell. `rejected`: why nothing in it counts, where the entrypoint did not write it."""

    exit_code: int | None = None
    job_exit_code: int | None = None
    attempt: int | None = None
    reason: OutcomeReason = OutcomeReason.EXIT
    detail: str = ""
    unsaved: str = ""
    saved_files: int | None = None
    left_behind: LeftBehind | None = None
    used: UsedEntry | None = None
    rejected: str | None = None


def read_result(raw: bytes) -> JobResult:
    """The job may have written it: nothing of it is shown or believed that the entrypoint could not have written."""
    try:
        fields = parse_object(raw, most_bytes=MOST_RESULT_BYTES)
        output = fields.object_or_none("output")
        return JobResult(
            exit_code=fields.whole_or_none("exit_code", least=0, most=255),
            job_exit_code=fields.whole_or_none("job_exit_code", least=0, most=255),
            attempt=fields.whole_or_none("attempt", least=1, most=10_000),
            reason=reason_of(fields.text_or_none("reason", most_chars=100) or OutcomeReason.EXIT.value),
            detail=harmless(fields.text_or_none("detail", most_chars=_MOST_TEXT) or ""),
            unsaved=harmless(fields.text_or_none("unsaved", most_chars=_MOST_TEXT) or ""),
            saved_files=None if output is None else output.whole_or_none("files", least=0, most=MOST_COUNT),
            left_behind=_left_behind(fields),
            used=_used(fields),
        )
    except DocumentError as error:
        return JobResult(rejected=harmless(str(error))[:300])


def _left_behind(fields: Fields) -> LeftBehind | None:
    """Without what a later entrypoint may add, because a record is no place for what a job writes."""
    left = left_behind_of(fields.object_or_none("left_behind"))
    if left is None:
        return None
    return replace(left, unknown={}, named=tuple(replace(one, unknown={}) for one in left.named))


def _used(fields: Fields) -> UsedEntry | None:
    used = fields.object_or_none("used")
    return None if used is None else replace(money_reader.used(used), unknown={})


def used_of(result: bytes | None, attempt: int) -> UsedEntry | None:
    """What this attempt used, by its container; None where there is no result of it, or an older entrypoint's."""
    read = _counting_result(result, None, attempt)
    return read.used if read is not None else None


def classify(
    state: TaskState | None,
    result: bytes | None,
    attempt: int | None = None,
    *,
    spot: bool = True,
    deadline: datetime | None = None,
    capped: bool = False,
) -> Outcome:
    """By the cause of the task's end, then the container's result, then the exit code; a missing exit code is a
    failure, never 0.

    `state`: the task as it was last seen, None where the executor no longer knows it. `result`: the entrypoint's
    result.json, None when it never came. `spot`: whether it was a Spot machine. `deadline`: from when on whatever ends
    the run is its deadline. `capped`: that `--max-cost` made it earlier than `--timeout`.
    """
    end = (state.end if state is not None else None) or TaskEnd(cause=EndCause.UNKNOWN)
    job_result = _counting_result(result, end.exit_code, attempt)
    rejected = job_result.rejected if job_result is not None else None
    if rejected is not None:
        job_result = None
    outcome = _outcome(end, job_result, late=_is_late(state, deadline), spot=spot, rejected=rejected)
    job_exit_code = job_result.job_exit_code if job_result is not None else None
    sentence = outcome.sentence
    if capped and outcome.reason is OutcomeReason.DEADLINE:
        sentence = f"the job was stopped where --max-cost ends it{_unsaved(job_result)}"
    if rejected is not None:
        sentence = f"{sentence}; its result.json does not count: it {rejected}"
    return replace(
        outcome,
        sentence=sentence,
        stop_code=end.code,
        job_exit_code=end.exit_code if job_exit_code is None else job_exit_code,
        saved_files=job_result.saved_files if job_result is not None else None,
        left_behind=job_result.left_behind if job_result is not None else None,
    )


def explained(outcome: Outcome, log_tail: str) -> Outcome:
    """With what the job's last words tell: a library, a program or a module that is missing, and what brings it."""
    if outcome.exit_code == 0 or not _by_the_job(outcome):
        return outcome
    if _SHARED_MEMORY_FULL.search(log_tail) is not None:
        text = "its shared memory (/dev/shm) was full: 64 MB on Fargate, and as much as the job has with --backend ec2"
        return replace(outcome, sentence=f"{outcome.sentence}; {text}")
    from aws_run.project.missing.find import find_missing  # a failure alone needs it

    missing = find_missing(log_tail)
    if missing is None:
        advice = module_advice(log_tail)
        return replace(outcome, sentence=f"{outcome.sentence}; {advice}") if advice else outcome
    return replace(outcome, sentence=f"{outcome.sentence}; the image lacks {missing.what}: {missing.remedy}")


def _by_the_job(outcome: Outcome) -> bool:
    return outcome.reason.own_doing or outcome.reason is OutcomeReason.COMMAND_NOT_FOUND


def without_bucket(outcome: Outcome, bucket: str) -> Outcome:
    return replace(
        outcome,
        exit_code=EXIT_TOOL,
        reason=OutcomeReason.BUCKET_GONE,
        sentence=f"the bucket {bucket} was deleted while the job ran, so its results are lost",
    )


def _outcome(end: TaskEnd, result: JobResult | None, *, late: bool, spot: bool, rejected: str | None) -> Outcome:
    if end.cause is EndCause.IMAGE_NOT_PULLED:
        return _of(OutcomeReason.IMAGE, end.text)
    if end.cause is EndCause.OUT_OF_MEMORY or (result is not None and result.reason is OutcomeReason.OUT_OF_MEMORY):
        codes = (result.exit_code if result is not None else None, end.exit_code, 137)
        text = "the job ran out of memory and was killed: ask for more with --memory"
        code = next(code for code in codes if code is not None)
        return _of(OutcomeReason.OUT_OF_MEMORY, text + _unsaved(result), code)
    # A result that says `exit` was written by a job that had ended, with all its outputs saved, when AWS came.
    ended_itself = result is not None and result.reason is OutcomeReason.EXIT
    if not ended_itself and end.cause in _FROM_OUTSIDE and end.exit_code in _KILLED and late:
        text = "the run was ended at its deadline, with what it ran on: give it more with --timeout"
        return _of(OutcomeReason.DEADLINE, text + _unsaved(result))
    if end.cause is EndCause.INTERRUPTED and not ended_itself:
        text = f"the machine was ended before the job was done ({end.text or 'no reason given'}): run it again"
        if spot:
            text = "AWS took the spot machine back before the job was done: run it again, or use on-demand"
        return _of(OutcomeReason.INTERRUPTION, text + _unsaved(result))
    if result is not None:
        return _by_result(result)
    return _by_cause(end, rejected)


def _by_cause(end: TaskEnd, rejected: str | None) -> Outcome:
    """Of a task that left no result."""
    match end.cause:
        case EndCause.STOPPED:
            return _of(OutcomeReason.STOPPED, f"the run was stopped ({end.text or 'on request'})")
        case EndCause.NOT_STARTED:
            return _of(OutcomeReason.START, f"the task could not start: {end.text}")
        case EndCause.MACHINE_FAILED:
            return _of(OutcomeReason.INFRASTRUCTURE, f"the machine failed: {end.text}")
        case (
            EndCause.EXITED
            | EndCause.UNKNOWN
            | EndCause.INTERRUPTED
            | EndCause.OUT_OF_MEMORY
            | EndCause.IMAGE_NOT_PULLED
        ):
            if end.exit_code is None:
                text = f"the container ended without an exit code: {end.text or 'no reason given'}"
                return _of(OutcomeReason.UNKNOWN, text)
            code = end.exit_code or EXIT_TOOL
            return _of(OutcomeReason.NO_RESULT, _no_result_sentence(end.exit_code, rejected), code)
        case _:
            assert_never(end.cause)


def _no_result_sentence(exit_code: int, rejected: str | None) -> str:
    if rejected is not None:
        return f"the container ended with {exit_code} without a result of its entrypoint's"
    if exit_code == EXIT_TOOL:  # what our entrypoint ends with when it can't write one
        return (
            f"the container ended with {exit_code} and could save no result: its log says why "
            "(S3 out of reach, or the run's task role is gone)"
        )
    return f"the container ended with {exit_code} before it could save a result: is the image one that aws-run built?"


def _by_result(result: JobResult) -> Outcome:
    code, reason = result.exit_code, result.reason
    if code is None:
        return _of(OutcomeReason.UNKNOWN, "the result says no exit code")
    return _of(reason, _result_sentence(result, reason, code), code)


def _result_sentence(result: JobResult, reason: OutcomeReason, code: int) -> str:
    detail, lost = result.detail, _unsaved(result)
    match reason:
        case OutcomeReason.EXIT:
            return "the job finished" if code == 0 else f"the job ended with exit code {code}"
        case OutcomeReason.SIGNAL:
            return f"the job was killed by a signal (exit code {code}){lost}"
        case OutcomeReason.DEADLINE:
            return f"the job was stopped at its deadline: give it more with --timeout{lost}"
        case OutcomeReason.STOPPED:
            return f"the run was stopped; {detail or 'what it had written was saved'}"
        case OutcomeReason.SPOT_NOTICE:
            return f"AWS took the spot machine back; {detail or 'what the job had written was saved'}"
        case OutcomeReason.DISK_FULL:
            return f"the disk is full: ask for more with --disk{lost}"
        case OutcomeReason.COMMAND_NOT_FOUND:
            return f"the command was not found in the image (exit code {code}){lost}"
        case OutcomeReason.SYNC_IN_FAILED:
            return detail or "the input could not be fetched: see the log"
        case OutcomeReason.NO_OUTPUT:
            return "the job finished and saved no output, which `outputs: required` makes a failure"
        case OutcomeReason.SYNC_OUT_FAILED:
            own = (
                "" if result.job_exit_code is None else f" (the job itself ended with exit code {result.job_exit_code})"
            )
            return f"{detail or 'the outputs could not all be saved: see the log'}{own}"
        case (
            OutcomeReason.OUT_OF_MEMORY
            | OutcomeReason.IMAGE
            | OutcomeReason.START
            | OutcomeReason.CAPACITY
            | OutcomeReason.INTERRUPTION
            | OutcomeReason.INFRASTRUCTURE
            | OutcomeReason.NO_RESULT
            | OutcomeReason.LOST
            | OutcomeReason.UNKNOWN
            | OutcomeReason.BUCKET_GONE
            | OutcomeReason.NOT_STARTED
            | OutcomeReason.INTERRUPTED
            | OutcomeReason.CANCELLED
        ):
            return f"the job ended ({reason.value}, exit code {code})"
        case _:
            assert_never(reason)


def _of(reason: OutcomeReason, sentence: str, code: int | None = None) -> Outcome:
    """A reason's own exit code is stronger: a job that is told to stop may well end with 0, and was cut short. Where
    nobody knows a code, the run failed."""
    implied = reason.exit_code
    exit_code = implied if implied is not None else EXIT_TOOL if code is None else code
    return Outcome(exit_code=exit_code, reason=reason, sentence=sentence)


def _counting_result(raw: bytes | None, exit_code: int | None, attempt: int | None) -> JobResult | None:
    """None where there is no result of this attempt. The entrypoint writes it and ends with the same exit code, which
    the kernel tells the service: one that says another is not its last word."""
    if raw is None:
        return None
    result = read_result(raw)
    if result.rejected is not None:
        return result
    if attempt is not None and result.attempt not in (None, attempt):
        return None  # an earlier attempt's
    if exit_code is not None and result.exit_code is not None and result.exit_code != exit_code:
        return JobResult(rejected=f"says {result.exit_code} where the container ended with {exit_code}")
    return result


def _is_late(state: TaskState | None, deadline: datetime | None) -> bool:
    ended = None if state is None else state.stopping_at or state.stopped_at
    return deadline is not None and ended is not None and ended >= deadline


def _unsaved(result: JobResult | None) -> str:
    """What of the run could not be saved, to be put after a sentence."""
    return f"; {result.unsaved}" if result is not None and result.unsaved else ""
