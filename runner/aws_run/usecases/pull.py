"""`aws-run pull`: a run's outputs into a folder, from any machine."""

from __future__ import annotations

from pathlib import Path

from aws_run.data import PulledOutput, pull_output
from aws_run.errors import AwsRunError
from aws_run.naming import bucket_name
from aws_run.record import Record
from aws_run.usecases import runs
from aws_run.usecases.bench import Bench


def pull(
    bench: Bench, run: str | None, project: str | None, into: Path, *, overwrite: bool = False
) -> tuple[Record, PulledOutput]:
    """AwsRunError when the run has saved nothing yet."""
    record = runs.open_run(bench, run, project).record
    bucket = bench.storage(bucket_name(record.account, record.region))
    got = pull_output(bucket, record.run_id, into, emit=bench.emit, overwrite=overwrite)
    if got is None:
        raise AwsRunError(
            f"The run {record.run_id} has saved no outputs{'' if record.finished else ' yet'}",
            hint=f"aws-run {'logs' if record.finished else 'wait'} {record.run_id}",
        )
    return record, got
