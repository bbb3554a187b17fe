"""What a step tells the runner: state at once, outputs as they come to be known, a comment and a summary."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aws_run.cli.github.comment import StepComment, open_comment
from aws_run.errors import EXIT_INTERRUPT, EXIT_TOOL, AwsRunError
from aws_run.events import Event, Notice, RunStarted
from aws_run.github.comments.changes import Changes, NoBase, changes_section
from aws_run.github.comments.redact import redact, secrets_of
from aws_run.github.file_commands import FileCommands
from aws_run.github.outputs import failure_outputs, file_url, logs_url, result_outputs, result_status
from aws_run.report.github import GithubReporter
from aws_run.report.github_summary import SummaryRecorder, SummaryView, render_summary

if TYPE_CHECKING:
    from aws_run.github.environment import WorkflowRun
    from aws_run.github.inputs import ActionInputs
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.report.views import PlanView
    from aws_run.runs.spec import JobSpec

Compared = Callable[["SubmitResult"], "Changes | NoBase | None"]


class Step:
    """`changes` is set once it is known what a run is compared with."""

    def __init__(self, *, files: FileCommands, recorder: SummaryRecorder, reporter: GithubReporter) -> None:
        self.files = files
        self.recorder = recorder
        self.reporter = reporter
        self.changes: Compared = lambda done: None
        self._comment: StepComment | None = None
        self._image: str | None = None

    def open_comment(self, inputs: ActionInputs, workflow: WorkflowRun) -> None:
        """As the step's inputs want it."""
        self._comment = open_comment(inputs, workflow, on_written=self._comment_written, warn=self.warn)

    def emit(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            # Before the run's first resource, its record, is made: what `post` needs to remove it.
            self.files.state({"RUN_ID": event.run_id, "REGION": event.region})
            self.files.outputs({"run-id": event.run_id})
        self.recorder.take(event)
        self.reporter.emit(event)
        if self._comment is not None:
            self._comment.take(event)

    def warn(self, text: str) -> None:
        self.reporter.emit(Notice(text=text, level="warning"))

    def plan(self, view: PlanView) -> None:
        self.recorder.take_plan(view)
        self.reporter.plan(view)
        if self._comment is not None:
            self._comment.plan(view)

    def accepted(self, job: JobSpec) -> None:
        self._image = job.image

    def ended(self, done: SubmitResult) -> int:
        """The run ended, or goes on without this step. Of what is told, GitHub's answers to the comment come last: they
        may take longer than a cancelled step has."""
        self.files.outputs(result_outputs(done))
        # What a run leaves until it has ended is no result yet.
        changes = self.changes(done) if done.record.outcome is not None else None
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
                changes="" if changes is None else changes_section(changes, _shown),
            )
        )
        if self._comment is not None:
            self._comment.ended(done, changes)
        if done.teardown_error is None:
            self.files.state({"FINISHED": "true"})
        return done.exit_code

    def failed(self, error: AwsRunError) -> int:
        """There is no outcome. `post` looks whether anything is left."""
        self.files.outputs(failure_outputs(error))
        self.reporter.error(error)
        self._summarize(SummaryView(error=error, image=self._image, cancelled=error.exit_code == EXIT_INTERRUPT))
        if self._comment is not None:
            self._comment.failed(error)
        return error.exit_code or EXIT_TOOL

    def _comment_written(self, written: int) -> None:
        """At once: `post` has to look after the comment of a step that is killed, also of one that had no run yet."""
        self.files.state({"COMMENT": str(written)})
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
                    log=tuple(_shown(line) for line in self.recorder.log),
                )
            )
        )


def _shown(text: str) -> str:
    """Without secrets: who reads a summary may not have the rights of who wrote the workflow."""
    return redact(text, secrets_of(os.environ))
