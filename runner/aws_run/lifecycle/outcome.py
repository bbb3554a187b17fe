"""How a run ended, from what ECS and the entrypoint say of it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aws_run.backends.ecs.container import CONTAINER
from aws_run.errors import EXIT_DEADLINE, EXIT_INTERRUPT, EXIT_TOOL
from aws_run.runs.record import Outcome

# What containerd calls the image in its refusals.
_REFERENCE = re.compile(r"failed to resolve ref(?:erence)? [\"']?([\w.-]+[\w./:@-]*[\w-])")


def classify(task: Mapping[str, Any], result: bytes | None, attempt: int | None = None) -> Outcome:
    """Classifies by stopCode, then the container's reason, then the exit code; a missing one is a failure, never 0.
    `result`: the entrypoint's result.json, its last act, None when it never came."""
    stop_code = str(task.get("stopCode") or "")
    stopped = str(task.get("stoppedReason") or "")
    container = _the_job(task.get("containers") or ())
    reason = str(container.get("reason") or "")
    exit_code = container.get("exitCode")
    said = _parse(result)
    if said is not None and attempt is not None and said.get("attempt") not in (None, attempt):
        said = None  # an earlier attempt's

    def outcome(code: int, word: str, sentence: str) -> Outcome:
        job = said.get("job_exit_code") if said else None
        return Outcome(
            exit_code=code,
            reason=word,
            sentence=sentence,
            stop_code=stop_code or None,
            job_exit_code=job if isinstance(job, int) else exit_code,
        )

    if "CannotPull" in reason or "CannotPull" in stopped:
        return outcome(EXIT_TOOL, "image", _pull_sentence(reason or stopped))
    if ("OutOfMemory" in reason and exit_code != 0) or (said or {}).get("reason") == "out-of-memory":
        return outcome(
            _code((said or {}).get("exit_code"), _code(exit_code, 137)),
            "out-of-memory",
            "the job ran out of memory and was killed: ask for more with --memory" + _lost(said),
        )
    # A result that says `exit` was written by a job that had ended, with all its outputs saved, when AWS came.
    if stop_code in ("SpotInterruption", "TerminationNotice") and (said or {}).get("reason") != "exit":
        return outcome(
            EXIT_TOOL,
            "interruption",
            "AWS took the spot machine back before the job was done: run it again, or use on-demand" + _lost(said),
        )
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
    return outcome(
        _code(exit_code, EXIT_TOOL) or EXIT_TOOL,
        "no-result",
        f"the container ended with {exit_code} before it could save a result: is the image one that aws-run built?",
    )


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


def _by_result(said: Mapping[str, Any], outcome: Any) -> Outcome:
    word = str(said.get("reason") or "exit")
    code = said.get("exit_code")
    if not isinstance(code, int):
        return outcome(EXIT_TOOL, "unknown", "the result says no exit code")  # type: ignore[no-any-return]
    detail, lost = str(said.get("detail") or ""), _lost(said)
    sentences = {
        "exit": "the job finished" if code == 0 else f"the job ended with exit code {code}",
        "deadline": f"the job was stopped at its deadline: give it more with --timeout{lost}",
        "signal": f"the job was killed by a signal (exit code {code}){lost}",
        "stopped": f"the run was stopped; {detail or 'what it had written was saved'}",
        "spot-notice": f"AWS took the spot machine back; {detail or 'what the job had written was saved'}",
        "disk-full": f"the disk is full: ask for more with --disk{lost}",
        "command-not-found": f"the command was not found in the image (exit code {code}){lost}",
        "sync-in-failed": detail or "the input could not be fetched: see the log",
        "sync-out-failed": detail or "the outputs could not all be saved: see the log",
    }
    # A job that is told to stop may well end with 0; it was cut short all the same.
    code = {"deadline": EXIT_DEADLINE, "stopped": EXIT_INTERRUPT, "spot-notice": EXIT_TOOL}.get(word, code)
    return outcome(code, word, sentences.get(word, f"the job ended ({word}, exit code {code})"))  # type: ignore[no-any-return]


def _lost(said: Mapping[str, Any] | None) -> str:
    """What of the run could not be saved, to be put after a sentence."""
    unsaved = (said or {}).get("unsaved")
    return f"; {unsaved}" if unsaved else ""


def _parse(result: bytes | None) -> Mapping[str, Any] | None:
    if result is None:
        return None
    try:
        parsed = json.loads(result)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _code(code: object, otherwise: int) -> int:
    return code if isinstance(code, int) else otherwise


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
