"""Looking for cheaper hardware that would have held a job that ended well, among what there really is."""

from __future__ import annotations

from decimal import Decimal

from aws_run.backends.base import Backend
from aws_run.errors import AwsRunError
from aws_run.events import Emit, Notice
from aws_run.pricing.right_size import smaller, smaller_job
from aws_run.runs.record import Record, SmallerEntry
from aws_run.runs.spec import job_from_json


def smaller_for(record: Record, backend: Backend, emit: Emit) -> SmallerEntry | None:
    """None where nothing cheaper would have held it, or where that can't be told. It takes few requests: the day's
    catalogue and prices are on this machine as a rule."""
    try:
        return _smaller(record, backend)
    except AwsRunError as error:
        emit(Notice(text=f"nobody looked for smaller hardware: {error.message}", level="debug"))
        return None


def _smaller(record: Record, backend: Backend) -> SmallerEntry | None:
    hardware, used, receipt, outcome = record.hardware, record.used, record.receipt, record.outcome
    if hardware is None or used is None or receipt is None or outcome is None or record.job is None:
        return None
    if outcome.exit_code != 0 or receipt.billed_s is None or receipt.total_usd is None:
        return None
    job = smaller_job(job_from_json(dict(record.job), place="run.json"), hardware, used)
    if job is None:
        return None
    choices, _ = backend.offers(job)
    return smaller(
        job, hardware, used, choices, billed_s=Decimal(receipt.billed_s), paid_usd=Decimal(receipt.total_usd)
    )
