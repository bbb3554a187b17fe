"""The comment of a step that runs a pull request's code: live state, result, and what changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from aws_run.errors import EXIT_INTERRUPT, AwsRunError, RefChangedError
from aws_run.github.comments.entry import PullRequest, api_of, read_event, read_pull_request, turn_of
from aws_run.github.comments.gate import head_is_still, quietly, react
from aws_run.github.comments.live import LiveOptions, RunComment
from aws_run.github.comments.redact import secrets_of
from aws_run.github.comments.sticky import Sticky
from aws_run.github.comments.text import CommentState, State
from aws_run.github.outputs import file_url, logs_url, result_status

if TYPE_CHECKING:
    from aws_run.events import Event
    from aws_run.github.comments.changes import Changes
    from aws_run.github.environment import WorkflowRun
    from aws_run.github.inputs import ActionInputs
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.report.views import PlanView


@dataclass(frozen=True, kw_only=True)
class StepComment:
    """`pull`: of a run that a comment asked for; None for other runs, which no comment pins to a commit."""

    live: RunComment
    pull: PullRequest | None
    check: Callable[[], None]
    answer: Callable[[str], None]

    def take(self, event: Event) -> None:
        self.live.take(event)

    def plan(self, view: PlanView) -> None:
        hardware = next((row.note or row.name for lane in view.lanes for row in lane.rows if row.kind == "task"), "")
        self.live.describe(resources=hardware or view.backend, estimate="; ".join(view.estimate[:1]))

    def ended(self, done: SubmitResult, changes: Changes | None) -> int | None:
        record, view = done.record, done.view

        def change(state: CommentState) -> CommentState:
            return replace(
                state,
                state=result_status(done),
                run_id=view.run_id,
                resources=record.hardware.description if record.hardware else state.resources,
                cost_usd=_decimal(record.cost_usd),
                seconds=view.seconds,
                exit_code=done.exit_code,
                sentence=done.teardown_error.message if done.teardown_error else view.status,
                s3_uri=view.s3_uri or "",
                console_url=view.console_url or "",
                logs_url=logs_url(record),
                outputs=tuple((path, count, file_url(record)(path)) for path, count in done.outputs.first),
                output_files=done.outputs.files,
                output_bytes=done.outputs.bytes,
                changes=changes,
            )

        written = self.live.finish(change)
        self.answer("rocket" if done.exit_code == 0 and done.teardown_error is None else "-1")
        return written

    def failed(self, error: AwsRunError) -> int | None:
        ended: State = "cancelled" if error.exit_code == EXIT_INTERRUPT else "failed"
        sentence = f"{error.message}{f' ({error.hint})' if error.hint else ''}"
        written = self.live.finish(lambda state: replace(state, state=ended, sentence=sentence))
        self.answer("-1")
        return written


def open_comment(inputs: ActionInputs, workflow: WorkflowRun) -> StepComment | None:
    """None where the step writes no comment: `never`, no pull request, or `auto` and no comment that asked for it."""
    pull = read_pull_request(os.environ)
    wanted = inputs.comment == "always" or (inputs.comment == "auto" and pull is not None)
    number = pull.number if pull is not None else _number() if wanted else None
    if not wanted or number is None or not inputs.github_token:
        return None
    api = api_of(os.environ, inputs.github_token)
    live = RunComment(
        Sticky(api, number=number, key=inputs.comment_key),
        turn_of(workflow),
        CommentState(state="queued", sha=pull.sha if pull else workflow.sha, run_url=workflow.url),
        LiveOptions(log_lines=inputs.log_lines, secrets=secrets_of(os.environ)),
    )

    def answer(content: str) -> None:
        if pull is not None:
            quietly(lambda: react(api, pull.comment, content))

    return StepComment(live=live, pull=pull, check=head_check(inputs, pull), answer=answer)


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


def _number() -> int | None:
    """The pull request that the event is about."""
    event = read_event(os.environ)
    number = (event.get("pull_request") or {}).get("number")
    if number is None and (event.get("issue") or {}).get("pull_request"):
        number = event["issue"].get("number")
    return number if isinstance(number, int) else None


def _decimal(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None
