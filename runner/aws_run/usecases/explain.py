"""`aws-run explain`: one sentence on why a run failed or hangs, and one command that helps."""

from __future__ import annotations

from typing_extensions import assert_never

from aws_run.backends.base import Advice
from aws_run.backends.executor import TaskPhase, TaskState
from aws_run.frozen import frozen
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.outcome_warnings import warnings_of
from aws_run.lifecycle.run_stage import run_stage
from aws_run.pricing.hardware import DEFAULT_MEMORY_MIB, more_memory
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import HardwareEntry, Outcome, Record

_END_OF_LOG = 64 * 1024


@frozen
class Explanation:
    run_id: str
    sentence: str
    command: str


def explain(context: AppContext, run: str | None, project: str | None) -> Explanation:
    record = lookup.open_run(context, run, project).record
    advice = _advice(context, record)
    return Explanation(run_id=record.run_id, sentence=advice.sentence, command=advice.command)


def _advice(context: AppContext, record: Record) -> Advice:
    store = lookup.store(context)
    if record.outcome is not None:
        own_doing = record.outcome.reason.own_doing
        log = store.last_bytes(RunKeys(run_id=record.run_id).log, _END_OF_LOG) if own_doing else b""
        return _ended(record, record.outcome, last_words(log))
    stage, state = run_stage(context, store, record)
    look = f"aws-run status {record.run_id}"
    match stage:
        case "ending":
            return Advice(sentence="It has just ended; its client is removing what it used.", command=look)
        case "abandoned":
            text = "It has ended with no client watching, and what it used may still be there."
            return Advice(sentence=text, command=look)
        case "running":
            return _on_its_way(context, record, state)
        case _:
            assert_never(stage)


def last_words(log: bytes) -> str:
    """The last line that the job itself printed: of a Python traceback that is the exception."""
    lines = log.decode("utf-8", "replace").splitlines()
    if len(log) >= _END_OF_LOG:
        lines = lines[1:] or lines  # where the log was cut
    own = [line.strip() for line in lines if line.strip() and not line.startswith("aws-run: ")]
    return own[-1][:300] if own else ""


def _ended(record: Record, outcome: Outcome, last: str) -> Advice:
    warnings = [f"{text[:1].upper()}{text[1:]}." for text in warnings_of(outcome)]
    if outcome.exit_code == 0 and warnings:
        text = f"It finished. {' '.join(warnings)} What is to stay has to be written into the folder that -o names."
        return Advice(sentence=text, command=f"aws-run logs {record.run_id}")
    if outcome.exit_code == 0:
        return Advice(sentence="Nothing is wrong: it finished.", command=f"aws-run pull {record.run_id}")
    hardware = record.hardware
    sentence = outcome.sentence[:1].upper() + outcome.sentence[1:]
    if last:
        sentence = f"{sentence}; its last line was: {last}"
    sentence = sentence if sentence.endswith((".", "!", ")")) else f"{sentence}."
    return Advice(
        sentence=" ".join([sentence, *warnings]),
        command=_command(record, outcome).format(
            run=record.run_id,
            memory=_double_memory(hardware),
            disk=2 * (hardware.disk_gib if hardware else 40),
        ),
    )


def _double_memory(hardware: HardwareEntry | None) -> str:
    if hardware is None:
        return f"--memory {2 * DEFAULT_MEMORY_MIB // 1024}GB"
    if hardware.gpus:
        return f"--memory {max(1, round(2 * hardware.memory_mib / 1024))}GB"
    return more_memory(hardware.backend, hardware.vcpu, max(1, round(2 * hardware.memory_mib / 1024)))


def _command(record: Record, outcome: Outcome) -> str:
    reason = outcome.reason
    if reason is OutcomeReason.CAPACITY:
        if "LimitExceeded" in (outcome.stop_code or ""):  # AWS's code: VcpuLimitExceeded and its like
            return "aws-run check"  # it shows the quotas, with the links to raise them
        if record.hardware and record.hardware.spot:
            return OutcomeReason.INTERRUPTION.help
    if reason is OutcomeReason.INTERRUPTION and record.hardware and not record.hardware.spot:
        return OutcomeReason.EXIT.help  # it was no spot machine that AWS took back
    if reason is OutcomeReason.DEADLINE and record.capped:
        return "aws-run submit … --max-cost MORE"  # a longer --timeout changes nothing
    return reason.help


def _on_its_way(context: AppContext, record: Record, state: TaskState | None) -> Advice:
    look, log = f"aws-run status {record.run_id}", f"aws-run logs {record.run_id} -f"
    if state is None:
        text = "Its client is still building the image or sending the input; no task has been accepted yet."
        return Advice(sentence=text, command=look)
    match state.phase:
        case TaskPhase.RUNNING:
            text = f"Nothing is wrong: the job is running (until {record.deadline} at the latest)."
            return Advice(sentence=text, command=log)
        case TaskPhase.STARTING:
            text = "The image is being pulled. If it stays like this, the subnet has no route to ECR."
            return Advice(sentence=text, command=log)
        case TaskPhase.STOPPING | TaskPhase.STOPPED:
            return Advice(sentence=f"The task is {state.status.lower()}.", command=look)
        case TaskPhase.WAITING:
            return context.backends[record.backend].explain_waiting(record)
        case _:
            assert_never(state.phase)
