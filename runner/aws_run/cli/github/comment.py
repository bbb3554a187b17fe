"""The comment of a step that runs a pull request's code: live state, result, and what changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aws_run.errors import EXIT_INTERRUPT, AwsRunError, RefChangedError
from aws_run.frozen import frozen
from aws_run.github.comments.entry import PullRequest, api_of, bring_to_end, read_pull_request, read_subject, turn_of
from aws_run.github.comments.gate import head_is_still, quietly, react
from aws_run.github.comments.live import LiveOptions, RunComment
from aws_run.github.comments.redact import secrets_of
from aws_run.github.comments.sticky import Sticky
from aws_run.github.comments.text import CommentState, State
from aws_run.github.outputs import file_url, logs_url, result_status

if TYPE_CHECKING:
    from aws_run.events import Event
    from aws_run.github.comments.changes import Changes, NoBase
    from aws_run.github.environment import WorkflowRun
    from aws_run.github.inputs import ActionInputs
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.report.views import PlanView


@frozen
class StepComment:
    """`answer` reacts to the comment that asked for the run, where one did."""

    live: RunComment
    answer: Callable[[str], None]
    warn: Callable[[str], None]

    def take(self, event: Event) -> None:
        self.live.take(event)

    def plan(self, view: PlanView) -> None:
        hardware = next((row.note or row.name for lane in view.lanes for row in lane.rows if row.kind == "task"), "")
        self.live.describe(resources=hardware or view.backend, estimate="; ".join(view.estimate[:1]))

    def ended(self, done: SubmitResult, changes: Changes | NoBase | None) -> None:
        record, view = done.record, done.view

        def change(state: CommentState) -> CommentState:
            return replace(
                state,
                state=result_status(done),
                run_id=view.run_id,
                resources=record.hardware.description if record.hardware else state.resources,
                cost_usd=record.usd,
                seconds=view.seconds,
                exit_code=done.exit_code,
                sentence=done.teardown_error.message if done.teardown_error else view.status,
                s3_uri=view.s3_uri or "",
                console_url=view.console_url or "",
                logs_url=logs_url(record),
                report_url=view.report_url or "",
                outputs=tuple((path, count, file_url(record)(path)) for path, count in done.outputs.first),
                output_files=done.outputs.files,
                output_bytes=done.outputs.bytes,
                changes=changes,
            )

        self._finish(change)
        self.answer("rocket" if done.exit_code == 0 and done.teardown_error is None else "-1")

    def failed(self, error: AwsRunError) -> None:
        ended: State = "cancelled" if error.exit_code == EXIT_INTERRUPT else "failed"
        sentence = f"{error.message}{f' ({error.hint})' if error.hint else ''}"
        self._finish(lambda state: replace(state, state=ended, sentence=sentence))
        self.answer("-1")

    def _finish(self, change: Callable[[CommentState], CommentState]) -> None:
        self.live.finish(change)
        if self.live.trouble is not None:
            self.warn(
                f"The pull request's comment could not be written: {self.live.trouble}. The job needs `permissions: "
                "{pull-requests: write}`"
            )


def open_comment(
    inputs: ActionInputs, workflow: WorkflowRun, *, on_written: Callable[[int], None], warn: Callable[[str], None]
) -> StepComment | None:
    """None where the step writes no comment: `never`, or `auto` and no comment that asked for it; with a warning where
    there is no pull request, or no token to write with."""
    pull, subject = read_pull_request(os.environ), read_subject(os.environ)
    if inputs.comment == "never" or (inputs.comment == "auto" and pull is None):
        return None
    if subject is None:
        warn(f"input comment: is always, but this run ({workflow.event or 'no event'}) is about no pull request")
        return None
    if not inputs.github_token:
        warn("input github-token: is empty, so the pull request's comment is not written")
        return None
    api = api_of(os.environ, inputs.github_token)
    live = RunComment(
        Sticky(api, number=subject.number, key=inputs.comment_key),
        turn_of(workflow),
        CommentState(state="queued", sha=subject.sha or workflow.sha, run_url=workflow.url),
        LiveOptions(log_lines=inputs.log_lines, secrets=secrets_of(os.environ), on_written=on_written),
    )

    def answer(content: str) -> None:
        if pull is not None:
            quietly(lambda: react(api, pull.comment, content))

    return StepComment(live=live, answer=answer, warn=warn)


def end_comment(inputs: ActionInputs, workflow: WorkflowRun, *, state: State, sentence: str, run_id: str = "") -> None:
    """The comment of a step that could not bring it to an end itself: for `post`. Never a trouble of its own. `run_id`:
    a step that lived for seconds has not come to write it there."""
    pull, subject = read_pull_request(os.environ), read_subject(os.environ)
    wanted = inputs.comment == "always" or (inputs.comment == "auto" and pull is not None)
    if not wanted or subject is None or not inputs.github_token:
        return
    sticky = Sticky(api_of(os.environ, inputs.github_token), number=subject.number, key=inputs.comment_key)
    ended = CommentState(state=state, sha=subject.sha, sentence=sentence, run_id=run_id)
    quietly(lambda: bring_to_end(sticky, workflow, ended))


def head_check(inputs: ActionInputs, pull: PullRequest | None) -> Callable[[], None]:
    """Called just before the task starts: RefChangedError where the pull request is no longer at the commit that was
    asked for, or where GitHub does not say."""
    if pull is None:
        return lambda: None
    api = api_of(os.environ, inputs.github_token)

    def check() -> None:
        if not head_is_still(api, pull.number, pull.sha):
            raise RefChangedError(
                f"The pull request has moved on from {pull.sha[:12]} since the comment, so its code was not run",
                hint="comment again to run the newest commit",
            )

    return check
