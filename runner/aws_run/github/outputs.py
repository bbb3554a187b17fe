"""The outputs of a step, all of them text, and the pages that they name. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from aws_run import partition
from aws_run.console_pages import object_page
from aws_run.errors import EXIT_INTERRUPT, AwsRunError
from aws_run.github.reasons import reason_code
from aws_run.report.jsonlines import error_data, to_json
from aws_run.runs.keys import RunKeys

if TYPE_CHECKING:
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.runs.record import Record

Status = Literal["succeeded", "failed", "cancelled", "cleanup-failed", "running"]
OUTPUTS = (
    "run-id",
    "task-arn",
    "image",
    "status",
    "exit-code",
    "s3-uri",
    "console-url",
    "logs-url",
    "report-file",
    "report-url",
    "cost-usd",
    "duration-seconds",
    "comment-id",
    "reason-code",
    "result",
)


def result_status(done: SubmitResult) -> Status:
    if done.teardown_error is not None:
        return "cleanup-failed"
    if done.record.outcome is None:
        return "running"
    if done.exit_code == EXIT_INTERRUPT:
        return "cancelled"
    return "succeeded" if done.exit_code == 0 else "failed"


def result_outputs(done: SubmitResult) -> dict[str, str]:
    """Of a run that was accepted. What is not known is left out, which GitHub reads as empty."""
    view, record = done.view, done.record
    values = {
        "run-id": view.run_id,
        "task-arn": record.task_arn,
        "image": record.image,
        "status": result_status(done),
        "exit-code": None if record.outcome is None else str(done.exit_code),
        "s3-uri": view.s3_uri,
        "console-url": view.console_url,
        "logs-url": logs_url(record),
        "report-file": None if view.report_file is None else str(view.report_file),
        "report-url": view.report_url,
        "cost-usd": record.cost_usd,
        "duration-seconds": None if view.seconds is None else f"{view.seconds:.0f}",
        "reason-code": None if record.outcome is None else record.outcome.reason_word,
        "result": json.dumps(to_json(view)),
    }
    return {name: value for name, value in values.items() if value}


def failure_outputs(error: AwsRunError) -> dict[str, str]:
    """Of a step without an outcome."""
    return {
        "status": "cancelled" if error.exit_code == EXIT_INTERRUPT else "failed",
        "exit-code": str(error.exit_code),
        "reason-code": reason_code(error),
        "result": json.dumps({"event": "error", **error_data(error)}),
    }


def logs_url(record: Record) -> str:
    """CloudWatch's page while the run goes on; then that of the log beside its results, because the log group goes
    with the project's last run."""
    region = record.region
    if record.outcome is not None:
        return object_page(record.bucket, RunKeys(run_id=record.run_id).log, region)
    # The console encodes these parts twice, with `$` for `%`.
    group = quote(quote(record.log_group, safe=""), safe="").replace("%", "$")
    stream = f"?logStreamNameFilter={quote(record.run_id, safe='')}"
    stream = quote(stream, safe="").replace("%", "$")
    return (
        f"{partition.of_region(region).console(region)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
        f"{group}{stream}"
    )


def file_url(record: Record) -> Callable[[str], str]:
    """The console's page of one output, by its path."""
    return lambda path: object_page(record.bucket, f"{record.output_prefix}{path}", record.region)
