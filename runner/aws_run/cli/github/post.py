"""`aws-run github post`: after the job, what a step that was cancelled or killed has left is removed."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from aws_run.cli import compose
from aws_run.cli.github.comment import end_comment
from aws_run.cli.github.credentials import open_account
from aws_run.cli.target import way_back
from aws_run.clock import SystemClock
from aws_run.errors import AwsRunError, RunNotFoundError
from aws_run.events import Notice
from aws_run.github.environment import read_workflow_run
from aws_run.github.file_commands import FileCommands
from aws_run.github.inputs import ActionInputs, read_inputs
from aws_run.hints import command
from aws_run.report.github import GithubReporter
from aws_run.report.markdown import escape


def run_post() -> int:
    """0 where nothing of the run is left. The project's own file is not read: the job may have changed it since."""
    run_id = os.environ.get("STATE_RUN_ID", "")
    if os.environ.get("STATE_FINISHED"):
        return 0
    workflow = read_workflow_run(os.environ, Path.cwd())
    reporter = GithubReporter(
        sys.stdout, clock=SystemClock(), workspace=workflow.workspace, new_token=lambda: secrets.token_hex(16)
    )
    with reporter:
        try:
            inputs = read_inputs(os.environ)
        except AwsRunError as error:
            reporter.error(error)
            return error.exit_code
        try:
            sentence = _clean_up(run_id, inputs, reporter) if run_id else "nothing was created"
        except AwsRunError as error:
            reporter.error(error)
            if run_id and os.environ.get("STATE_COMMENT"):
                finish = command("cleanup", run_id).reaching(way_back({"region": _region()}))
                sentence = f"{error.message}. Finish it with: {finish}"
                end_comment(inputs, workflow, state="cleanup-failed", sentence=sentence, run_id=run_id)
            return error.exit_code
        if os.environ.get("STATE_COMMENT"):
            told = f"The step ended before the run did; {sentence}."
            end_comment(inputs, workflow, state="cancelled", sentence=told, run_id=run_id)
        if run_id:
            FileCommands(os.environ).summary(f"\n{escape(run_id)}: {escape(sentence)}\n")
        return 0


def _clean_up(run_id: str, inputs: ActionInputs, reporter: GithubReporter) -> str:
    from aws_run.usecases.cleanup import cleanup

    region, profile = _region(), os.environ.get("AWS_RUN_PROFILE") or None
    with compose.open_target(local=False, flags={"region": region}) as target:
        aws = open_account(inputs, read_workflow_run(os.environ, Path.cwd()), region=region, profile=profile)
        context = compose.make_context(aws, reporter.emit, target)
        try:
            record, result = cleanup(context, run_id, None, reason="the step was cancelled")
        except RunNotFoundError:
            sentence = "the step ended before the run was recorded; nothing was created"
            reporter.emit(Notice(text=sentence))
            return sentence
        result.raise_if_failed(record.region)
        sentence = "what the step had left is removed" if result.removed else "the step had left nothing"
        reporter.emit(Notice(text=f"{run_id}: {sentence}"))
        return sentence


def _region() -> str | None:
    """The run's, which whoever finishes its cleanup has to name."""
    return os.environ.get("STATE_REGION") or None
