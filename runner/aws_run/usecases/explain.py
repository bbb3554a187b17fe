"""`aws-run explain`: one sentence on why a run failed or hangs, and one command that helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends.ec2 import scaling_activities
from aws_run.errors import AwsRunError
from aws_run.infra.resource_types import group as groups
from aws_run.lifecycle import lookup, reconcile
from aws_run.lifecycle.context import AppContext
from aws_run.naming import RunNames
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Outcome, Record


@dataclass(frozen=True, kw_only=True)
class Explanation:
    run_id: str
    sentence: str
    command: str


# Ends that the job brought about itself: its log says more than ECS does.
_OWN_DOING = ("exit", "signal")
_END_OF_LOG = 64 * 1024
# What helps, by the outcome's one word (record.Outcome.reason).
_HELP: dict[str, str] = {
    "exit": "aws-run logs {run}",
    "signal": "aws-run logs {run}",
    "out-of-memory": "aws-run submit … --memory {double}GB",
    "disk-full": "aws-run submit … --disk {disk}GB",
    "deadline": "aws-run submit … --timeout 8h",
    "interruption": "aws-run submit … --spot-policy auto",
    "spot-notice": "aws-run submit … --spot-policy auto",
    "capacity": "aws-run submit … --instance-type TYPE --instance-type ANOTHER",
    "image": "aws-run check",
    "start": "aws-run check",
    "command-not-found": "aws-run logs {run}",
    "not-started": "aws-run check",
}


def explain(context: AppContext, run: str | None, project: str | None) -> Explanation:
    record = lookup.open_run(context, run, project).record
    store = lookup.store(context)
    if record.outcome is not None:
        own_doing = record.outcome.reason in _OWN_DOING
        log = store.last_bytes(RunKeys(run_id=record.run_id).log, _END_OF_LOG) if own_doing else b""
        return _ended(record, record.outcome, last_words(log))
    stage, task = reconcile.run_stage(context, store, record)
    if stage == "ending":
        return Explanation(
            run_id=record.run_id,
            sentence="It has just ended; its client is removing what it used.",
            command=f"aws-run status {record.run_id}",
        )
    if stage == "abandoned":
        return Explanation(
            run_id=record.run_id,
            sentence="It has ended with no client watching, and what it used may still be there.",
            command=f"aws-run status {record.run_id}",
        )
    return _hanging(context.aws, record, task)


def last_words(log: bytes) -> str:
    """The last line that the job itself printed: of a Python traceback that is the exception."""
    lines = log.decode("utf-8", "replace").splitlines()
    if len(log) >= _END_OF_LOG:
        lines = lines[1:] or lines  # where the log was cut
    own = [line.strip() for line in lines if line.strip() and not line.startswith("aws-run: ")]
    return own[-1][:300] if own else ""


def _ended(record: Record, outcome: Outcome, last: str) -> Explanation:
    hardware = record.hardware
    command = _HELP.get(outcome.reason, "aws-run logs {run}")
    if outcome.reason == "capacity" and "LimitExceeded" in outcome.sentence:
        command = "aws-run check"  # it shows the quotas, with the links to raise them
    elif outcome.reason == "capacity" and hardware and hardware.spot:
        command = "aws-run submit … --spot-policy auto"
    elif outcome.reason == "interruption" and hardware and not hardware.spot:
        command = "aws-run logs {run}"
    if outcome.exit_code == 0:
        return Explanation(
            run_id=record.run_id,
            sentence="Nothing is wrong: it finished.",
            command=f"aws-run pull {record.run_id} -o out",
        )
    sentence = outcome.sentence[:1].upper() + outcome.sentence[1:]
    if last:
        sentence = f"{sentence}; its last line was: {last}"
    return Explanation(
        run_id=record.run_id,
        sentence=sentence if sentence.endswith((".", "!", ")")) else f"{sentence}.",
        command=command.format(
            run=record.run_id,
            double=max(1, round(2 * (hardware.memory_mib if hardware else 8192) / 1024)),
            disk=2 * (hardware.disk_gib if hardware else 40),
        ),
    )


def _hanging(aws: Aws, record: Record, task: Mapping[str, Any] | None) -> Explanation:
    def said(sentence: str, command: str) -> Explanation:
        return Explanation(run_id=record.run_id, sentence=sentence, command=command)

    if task is None:
        return said(
            "Its client is still building the image or sending the input; no task has been accepted yet.",
            f"aws-run status {record.run_id}",
        )
    status = str(task["lastStatus"])
    if status == "RUNNING":
        return said(
            f"Nothing is wrong: the job is running (until {record.deadline} at the latest).",
            f"aws-run logs {record.run_id} -f",
        )
    if status == "PENDING":
        return said(
            "The image is being pulled. If it stays like this, the subnet has no route to ECR.",
            f"aws-run logs {record.run_id} -f",
        )
    if status != "PROVISIONING":
        return said(f"The task is {status.lower()}.", f"aws-run status {record.run_id}")
    if record.backend != "ec2":
        return said(
            "Fargate is looking for room for the task; this usually takes under a minute.",
            f"aws-run wait {record.run_id}",
        )
    return _waiting_for_a_machine(aws, record, said)


def _waiting_for_a_machine(aws: Aws, record: Record, said: Any) -> Explanation:
    try:
        verdict = scaling_activities.capacity_status(groups.activities(aws, RunNames(run_id=record.run_id).group))
    except AwsRunError as error:
        return said(f"It waits for a machine, and its group can't be read: {error.message}.", "aws-run check")  # type: ignore[no-any-return]
    sentences = {
        "failed": (
            f"AWS has no machine for it: {verdict.code}. {verdict.hint[:1].upper()}{verdict.hint[1:]}.",
            f"aws-run cancel {record.run_id}",
        ),
        "healing": (
            f"AWS could not start the machine yet and tries again: {verdict.text}",
            f"aws-run wait {record.run_id}",
        ),
        "launching": (
            "The machine has been started and is booting; it joins within about two minutes.",
            f"aws-run wait {record.run_id}",
        ),
        "waiting": ("The machine has been asked for and AWS has not answered yet.", f"aws-run wait {record.run_id}"),
    }
    return said(*sentences[verdict.state])  # type: ignore[no-any-return]
