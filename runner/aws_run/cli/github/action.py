"""`aws-run github action`: a submit whose configuration is a step's inputs and whose results are a step's outputs."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aws_run.cli import compose
from aws_run.cli.github.comment import StepComment, head_check, open_comment
from aws_run.cli.github.credentials import open_account
from aws_run.cli.trust import need_trust
from aws_run.clock import SystemClock
from aws_run.errors import EXIT_INTERRUPT, EXIT_TOOL, AwsRunError, InterruptedRunError
from aws_run.events import Event, Notice, RunStarted
from aws_run.github.comments.entry import PullRequest, read_pull_request
from aws_run.github.environment import WorkflowRun, read_workflow_run
from aws_run.github.file_commands import FileCommands
from aws_run.github.inputs import SHOWN_FLAGS, ActionInputs, read_inputs
from aws_run.github.outputs import failure_outputs, file_url, logs_url, result_outputs, result_status
from aws_run.report.github import GithubReporter
from aws_run.report.github_summary import SummaryRecorder, SummaryView, render_summary

if TYPE_CHECKING:
    from aws_run.config import Config
    from aws_run.github.comments.changes import Changes
    from aws_run.lifecycle.context import AppContext
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.report.views import PlanView
    from aws_run.runs.spec import JobSpec


def run_action() -> int:
    """The step's exit code. Whatever happens, the outputs and the summary say so."""
    _end_with_parent()
    clock = SystemClock()
    workflow = read_workflow_run(os.environ, Path.cwd())
    step = _Step(
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


class _Step:
    """What this step tells the runner: state at once, outputs as they come to be known, the summary at its end."""

    def __init__(self, *, files: FileCommands, recorder: SummaryRecorder, reporter: GithubReporter) -> None:
        self.files = files
        self.recorder = recorder
        self.reporter = reporter
        self.comment: StepComment | None = None
        self.changes: Callable[[SubmitResult], Changes | None] = lambda done: None
        self._image: str | None = None

    def emit(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            # Before the run's first resource, its record, is made: what `post` needs to remove it.
            self.files.state({"RUN_ID": event.run_id, "REGION": event.region})
            self.files.outputs({"run-id": event.run_id})
        self.recorder.take(event)
        self.reporter.emit(event)
        if self.comment is not None:
            self.comment.take(event)

    def left_out(self, where: str) -> None:
        self.reporter.emit(Notice(text=f"{where}: not read from a pull request's file", level="warning"))

    def plan(self, view: PlanView) -> None:
        self.recorder.take_plan(view)
        self.reporter.plan(view)
        if self.comment is not None:
            self.comment.plan(view)

    def accepted(self, job: JobSpec) -> None:
        self._image = job.image

    def ended(self, done: SubmitResult) -> int:
        """The run ended, or goes on without this step."""
        if done.teardown_error is None:
            self.files.state({"FINISHED": "true"})
        self.files.outputs(result_outputs(done))
        if self.comment is not None:
            self._comment_id(self.comment.ended(done, self.changes(done)))
        self.reporter.outcome(done.view)
        if done.teardown_error is not None:
            self.reporter.error(done.teardown_error)
        elif done.exit_code != 0:
            self.reporter.error(AwsRunError(done.view.status))
        self._summarize(
            SummaryView(
                outcome=done.view,
                error=done.teardown_error,
                image=done.record.image,
                logs_url=logs_url(done.record),
                outputs=done.outputs,
                file_url=file_url(done.record),
                cancelled=result_status(done) == "cancelled",
            )
        )
        return done.exit_code

    def failed(self, error: AwsRunError) -> int:
        """There is no outcome. `post` looks whether anything is left."""
        self.files.outputs(failure_outputs(error))
        if self.comment is not None:
            self._comment_id(self.comment.failed(error))
        self.reporter.error(error)
        self._summarize(SummaryView(error=error, image=self._image, cancelled=error.exit_code == EXIT_INTERRUPT))
        return error.exit_code or EXIT_TOOL

    def _comment_id(self, written: int | None) -> None:
        if written is not None:
            self.files.outputs({"comment-id": str(written)})

    def _summarize(self, view: SummaryView) -> None:
        timeline = self.recorder.timeline
        self.files.summary(
            render_summary(
                replace(
                    view,
                    plan=self.recorder.plan,
                    steps=timeline.steps,
                    now_s=timeline.now_s,
                    log=self.recorder.log,
                )
            )
        )


def _submit(inputs: ActionInputs, workflow: WorkflowRun, step: _Step) -> SubmitResult:
    step.comment = open_comment(inputs, workflow)
    pull = read_pull_request(os.environ)
    config = compose.load(
        inputs.path,
        inputs.config,
        inputs.flags,
        for_run=True,
        shown_flags=SHOWN_FLAGS,
        left_out=step.left_out if pull is not None else None,
    )
    need_trust(config, trusted=os.environ.get("AWS_RUN_TRUST_PROJECT_FILE", "") in ("1", "true"), terminal=False)
    with compose.open_target(local=False) as target:
        aws = open_account(inputs, workflow, region=config.region, profile=config.profile)
        from aws_run.usecases.submit import submit

        context = replace(compose.make_context(aws, step.emit, target), before_task=head_check(inputs, pull))
        if pull is not None:
            step.changes = _compared(context, workflow, pull, config)
        return submit(
            config,
            context,
            show_plan=step.plan,
            on_interrupt=lambda: "cancel",
            on_accepted=step.accepted,
            detach=not inputs.wait,
            cost_label=target.cost_label,
            origin="action" if pull is None else "comment",
            origin_detail=workflow.origin_detail,
        )


def _compared(
    context: AppContext, workflow: WorkflowRun, pull: PullRequest, config: Config
) -> Callable[[SubmitResult], Changes | None]:
    """What the run changed. Nothing of it is ever the run's trouble."""

    def changes(done: SubmitResult) -> Changes | None:
        from aws_run.usecases.changes import changes_of

        try:
            return changes_of(
                context,
                done.record,
                repository=workflow.repository,
                branch=pull.base,
                tolerance=config.tolerances,
                url_of=file_url,
            )
        except AwsRunError as error:
            context.emit(Notice(text=f"What changed is not known: {error.message}", level="warning"))
            return None

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
