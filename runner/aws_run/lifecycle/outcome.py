"""How a run ended, from what ECS and the entrypoint say of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aws_run.backends.ecs.container import CONTAINER
from aws_run.documents import DocumentError, harmless, parse_object
from aws_run.errors import EXIT_DEADLINE, EXIT_INTERRUPT, EXIT_TOOL
from aws_run.runs.record import Outcome

# What containerd calls the image in its refusals.
_REFERENCE = re.compile(r"failed to resolve ref(?:erence)? [\"']?([\w.-]+[\w./:@-]*[\w-])")


MOST_RESULT_BYTES = 1024 * 1024
_MOST_TEXT = 100_000
_MACHINE_GONE = ("SpotInterruption", "TerminationNotice")
_ENDED_BY_AWS = (*_MACHINE_GONE, "InfrastructureHealth", "UserInitiated", "")


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """The entrypoint's result.json. `wrong`: why nothing in it counts, where it is not what the entrypoint writes."""

    exit_code: int | None = None
    job_exit_code: int | None = None
    attempt: int | None = None
    reason: str = ""
    detail: str = ""
    unsaved: str = ""
    wrong: str | None = None


def read_result(raw: bytes) -> JobResult:
    """The job may have written it: nothing of it is shown or believed that the entrypoint could not have written."""
    try:
        fields = parse_object(raw, most_bytes=MOST_RESULT_BYTES)
        return JobResult(
            exit_code=fields.whole_or_none("exit_code", least=0, most=255),
            job_exit_code=fields.whole_or_none("job_exit_code", least=0, most=255),
            attempt=fields.whole_or_none("attempt", least=1, most=10_000),
            reason=harmless(fields.text_or_none("reason", most_chars=100) or "exit"),
            detail=harmless(fields.text_or_none("detail", most_chars=_MOST_TEXT) or ""),
            unsaved=harmless(fields.text_or_none("unsaved", most_chars=_MOST_TEXT) or ""),
        )
    except DocumentError as error:
        return JobResult(wrong=harmless(str(error))[:300])


def classify(
    task: Mapping[str, Any],
    result: bytes | None,
    attempt: int | None = None,
    *,
    spot: bool = True,
    deadline: datetime | None = None,
) -> Outcome:
    """Classifies by stopCode, then the container's reason, then the exit code; a missing one is a failure, never 0.
    `result`: the entrypoint's result.json, its last act, None when it never came. `spot`: whether it was a Spot
    machine. `deadline`: from when on whatever ends the run is its deadline."""
    stop_code = str(task.get("stopCode") or "")
    stopped = str(task.get("stoppedReason") or "")
    container = _the_job(task.get("containers") or ())
    reason = str(container.get("reason") or "")
    exit_code = _exit_code(container.get("exitCode"))
    said = _believed(result, exit_code, attempt)
    wrong = said.wrong if said is not None else None
    if wrong is not None:
        said = None

    def outcome(code: int, word: str, sentence: str) -> Outcome:
        job = said.job_exit_code if said is not None else None
        return Outcome(
            exit_code=code,
            reason=word,
            sentence=sentence if wrong is None else f"{sentence}; its result.json does not count: it {wrong}",
            stop_code=stop_code or None,
            job_exit_code=exit_code if job is None else job,
        )

    if "CannotPull" in reason or "CannotPull" in stopped:
        return outcome(EXIT_TOOL, "image", _pull_sentence(reason or stopped))
    if ("OutOfMemory" in reason and exit_code != 0) or (said is not None and said.reason == "out-of-memory"):
        told = said.exit_code if said is not None else None
        return outcome(
            _first(told, exit_code, 137),
            "out-of-memory",
            "the job ran out of memory and was killed: ask for more with --memory" + _lost(said),
        )
    # A result that says `exit` was written by a job that had ended, with all its outputs saved, when AWS came.
    ended_itself = said is not None and said.reason == "exit"
    if not ended_itself and stop_code in _ENDED_BY_AWS and exit_code in (None, 137, 143) and _is_late(task, deadline):
        return outcome(
            EXIT_DEADLINE,
            "deadline",
            f"the run was ended at its deadline, with what it ran on: give it more with --timeout{_lost(said)}",
        )
    if stop_code in _MACHINE_GONE and not ended_itself:
        taken = "AWS took the spot machine back before the job was done: run it again, or use on-demand"
        ended = f"the machine was ended before the job was done ({stopped or 'no reason given'}): run it again"
        return outcome(EXIT_TOOL, "interruption", (taken if spot else ended) + _lost(said))
    if said is not None:
        return _by_result(said, outcome)
    if stop_code == "UserInitiated":
        return outcome(EXIT_INTERRUPT, "stopped", f"the run was stopped ({stopped or 'on request'})")
    if stop_code == "TaskFailedToStart":
        return outcome(EXIT_TOOL, "start", f"the task could not start: {reason or stopped}")
    if stop_code == "InfrastructureHealth":
        return outcome(EXIT_TOOL, "infrastructure", f"the machine failed: {stopped}")
    if exit_code is None:
        return outcome(
            EXIT_TOOL, "unknown", f"the container ended without an exit code: {reason or stopped or 'no reason given'}"
        )
    return outcome(exit_code or EXIT_TOOL, "no-result", _no_result_sentence(exit_code, wrong))


def _no_result_sentence(exit_code: int, wrong: str | None) -> str:
    if wrong is not None:
        return f"the container ended with {exit_code} without a result of its entrypoint's"
    if exit_code == EXIT_TOOL:  # what our entrypoint ends with when it can't write one
        return (
            f"the container ended with {exit_code} and could save no result: its log says why "
            "(S3 out of reach, or the run's task role is gone)"
        )
    return f"the container ended with {exit_code} before it could save a result: is the image one that aws-run built?"


def _believed(result: bytes | None, exit_code: int | None, attempt: int | None) -> JobResult | None:
    """None where there is no result of this attempt. The entrypoint writes it and ends with the same exit code, which
    the kernel tells ECS: one that says another is not its last word."""
    if result is None:
        return None
    said = read_result(result)
    if said.wrong is not None:
        return said
    if attempt is not None and said.attempt not in (None, attempt):
        return None  # an earlier attempt's
    if exit_code is not None and said.exit_code is not None and said.exit_code != exit_code:
        return JobResult(wrong=f"says {said.exit_code} where the container ended with {exit_code}")
    return said


def _is_late(task: Mapping[str, Any], deadline: datetime | None) -> bool:
    ended = task.get("stoppingAt") or task.get("stoppedAt")
    return deadline is not None and isinstance(ended, datetime) and ended >= deadline


def _exit_code(code: object) -> int | None:
    """Of a container; one that a process can't end with is none."""
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= 255 else None


def _first(*codes: int | None) -> int:
    return next(code for code in codes if code is not None)


def _the_job(containers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """By its name: GuardDuty's agent on Fargate is one of a task's containers too, in any place, and may well fail
    without the job minding (GuardDuty User Guide, how-runtime-monitoring-works-ecs-fargate)."""
    return next((one for one in containers if one.get("name") == CONTAINER), {})


def without_bucket(outcome: Outcome, bucket: str) -> Outcome:
    return replace(
        outcome,
        exit_code=EXIT_TOOL,
        reason="bucket-gone",
        sentence=f"the bucket {bucket} was deleted while the job ran, so its results are lost",
    )


def _by_result(said: JobResult, outcome: Callable[[int, str, str], Outcome]) -> Outcome:
    word, code = said.reason, said.exit_code
    if code is None:
        return outcome(EXIT_TOOL, "unknown", "the result says no exit code")
    detail, lost = said.detail, _lost(said)
    own = "" if said.job_exit_code is None else f" (the job itself ended with exit code {said.job_exit_code})"
    sentences = {
        "exit": "the job finished" if code == 0 else f"the job ended with exit code {code}",
        "deadline": f"the job was stopped at its deadline: give it more with --timeout{lost}",
        "signal": f"the job was killed by a signal (exit code {code}){lost}",
        "stopped": f"the run was stopped; {detail or 'what it had written was saved'}",
        "spot-notice": f"AWS took the spot machine back; {detail or 'what the job had written was saved'}",
        "disk-full": f"the disk is full: ask for more with --disk{lost}",
        "command-not-found": f"the command was not found in the image (exit code {code}){lost}",
        "sync-in-failed": detail or "the input could not be fetched: see the log",
        "sync-out-failed": f"{detail or 'the outputs could not all be saved: see the log'}{own}",
    }
    # A job that is told to stop may well end with 0; it was cut short all the same.
    code = {"deadline": EXIT_DEADLINE, "stopped": EXIT_INTERRUPT, "spot-notice": EXIT_TOOL}.get(word, code)
    return outcome(code, word, sentences.get(word, f"the job ended ({word}, exit code {code})"))


def _lost(said: JobResult | None) -> str:
    """What of the run could not be saved, to be put after a sentence."""
    return f"; {said.unsaved}" if said is not None and said.unsaved else ""


def _pull_sentence(text: str) -> str:
    lowered = text.lower()
    if "no space left" in lowered:
        return "the image does not fit on the disk: ask for more with --disk"
    named = _REFERENCE.search(text)
    image = f"the image {named[1]}" if named else "the image"
    if re.search(r"not found|404|does not exist|manifest unknown|name unknown", lowered):
        return f"{image} is not in the registry: check its name, or leave out --image to have it built ({text})"
    if re.search(r"timeout|deadline exceeded|i/o timeout|dial tcp", lowered):
        registry = "ECR" if named is None or ".dkr.ecr" in named[1] else "its registry"
        way_out = "use public subnets, a NAT gateway or VPC endpoints"
        return f"{image} could not be pulled: the subnet has no route to {registry} ({way_out})"
    return f"{image} could not be pulled: {text}"
