"""`aws-run github action`: a submit whose configuration is a step's inputs and whose results are a step's outputs."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aws_run.cli import compose
from aws_run.cli.github.comment import head_check
from aws_run.cli.github.credentials import open_account
from aws_run.cli.github.step import Compared, Step
from aws_run.cli.running import led_back
from aws_run.cli.trust import need_trust
from aws_run.clock import SystemClock
from aws_run.errors import AwsRunError, InterruptedRunError
from aws_run.github.comments.changes import Changes, NoBase
from aws_run.github.comments.entry import base_branch, read_pull_request, read_subject
from aws_run.github.environment import WorkflowRun, read_workflow_run
from aws_run.github.file_commands import FileCommands
from aws_run.github.inputs import SHOWN_FLAGS, ActionInputs, read_inputs
from aws_run.github.outputs import file_url
from aws_run.report.github import GithubReporter
from aws_run.report.github_summary import SummaryRecorder

if TYPE_CHECKING:
    from aws_run.config import Config
    from aws_run.lifecycle.context import AppContext
    from aws_run.lifecycle.end.ending import SubmitResult


def run_action() -> int:
    """The step's exit code. Whatever happens, the outputs and the summary say so."""
    _end_with_parent()
    clock = SystemClock()
    workflow = read_workflow_run(os.environ, Path.cwd())
    step = Step(
        files=FileCommands(os.environ),
        recorder=SummaryRecorder(clock),
        reporter=GithubReporter(
            sys.stdout, clock=clock, workspace=workflow.workspace, new_token=lambda: secrets.token_hex(16)
        ),
    )
    with step.reporter:
        try:
            done = _submit(read_inputs(os.environ), workflow, step)
        except (AwsRunError, KeyboardInterrupt) as error:
            return step.failed(_as_ours(error))
        except Exception as error:
            step.failed(AwsRunError(f"aws-run itself failed: {type(error).__name__}: {error}"))
            raise
        return step.ended(done)


def _as_ours(error: AwsRunError | KeyboardInterrupt) -> AwsRunError:
    return error if isinstance(error, AwsRunError) else InterruptedRunError("Interrupted before anything was made")


def _submit(inputs: ActionInputs, workflow: WorkflowRun, step: Step) -> SubmitResult:
    step.open_comment(inputs, workflow)
    pull = read_pull_request(os.environ)
    config = compose.load(
        inputs.path,
        inputs.config,
        inputs.flags,
        for_run=True,
        shown_flags=SHOWN_FLAGS,
        left_out=(lambda where: step.warn(f"{where}: not read from a pull request's file"))
        if pull is not None
        else None,
    )
    need_trust(config, trusted=os.environ.get("AWS_RUN_TRUST_PROJECT_FILE", "") in ("1", "true"), terminal=False)
    # Who reads of the run is at another machine, which knows nothing of the step's region.
    with compose.open_target(local=False, flags={"region": config.region}) as target:
        aws = open_account(inputs, workflow, region=config.region, profile=config.profile)
        from aws_run.usecases.saved_report import with_report
        from aws_run.usecases.submit import submit

        context = replace(compose.make_context(aws, step.emit, target), before_task=head_check(inputs, pull))
        if pull is not None and pull.head:  # its commit is checked out, and on no branch
            context = replace(context, branch=lambda folder: pull.head)
        base = base_branch(os.environ)
        if base:
            step.changes = _compared(context, workflow, base, config)
        done = submit(
            config,
            context,
            show_plan=step.plan,
            on_interrupt=lambda: "cancel",
            on_accepted=step.accepted,
            detach=not inputs.wait,
            cost_label=target.cost_label,
            origin="action" if pull is None else "comment",
            origin_detail=_of_pull_request(workflow).origin_detail,
        )
        return led_back(with_report(context, done, label=target.cost_label), target)


def _of_pull_request(workflow: WorkflowRun) -> WorkflowRun:
    """With the pull request's own commit: GITHUB_SHA is that of a merge, or of the default branch."""
    subject = read_subject(os.environ)
    if subject is None:
        return workflow
    return replace(workflow, sha=subject.sha or workflow.sha, pull=str(subject.number))


def _compared(context: AppContext, workflow: WorkflowRun, base: str, config: Config) -> Compared:
    """What the run changed. Nothing of it is ever the run's trouble."""

    def changes(done: SubmitResult) -> Changes | NoBase:
        from aws_run.usecases.changes import changes_of

        try:
            return changes_of(
                context,
                done.record,
                repository=workflow.repository,
                branch=base,
                tolerance=config.tolerances,
                url_of=file_url,
            )
        except AwsRunError as error:
            return NoBase(why=f"What changed is not known: {error.message}")

    return changes


def _end_with_parent() -> None:
    """The shim holds the other end of stdin. Where it is killed, the pipe ends, and this process is interrupted."""

    def watch() -> None:
        try:
            while os.read(0, 1024):
                pass
        except OSError:
            return  # there is no stdin
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, name="parent", daemon=True).start()
