"""Run records in the bucket."""

from __future__ import annotations

from functools import cached_property

from aws_run.errors import AwsCallError, RunNotFoundError
from aws_run.hints import quoted
from aws_run.naming import is_run_id, project_of_run
from aws_run.runs.keys import RunKeys
from aws_run.runs.locks import RunLocks
from aws_run.runs.objects import ABSENT, CHANGED, BucketObjects
from aws_run.runs.record import Record, dump
from aws_run.runs.record_reader import MOST_BYTES, load


class RunStore(BucketObjects):
    """The records in one bucket, and the other objects there."""

    @cached_property
    def locks(self) -> RunLocks:
        """The marks and locks in the same bucket."""
        return RunLocks(self)

    def create(self, record: Record) -> str:
        """Writes a new run's record and returns its ETag. Fails when another of that name is there."""
        try:
            return self._put_record(record, IfNoneMatch="*")
        except AwsCallError as error:
            if error.code not in CHANGED:
                raise
            # A repeated request after a lost answer meets the record that the first one wrote.
            there, etag = self.read(record.run_id)
            if there != record:
                raise
            return etag

    def replace(self, record: Record, etag: str) -> str | None:
        """The new ETag, None when another client has written since `etag`."""
        try:
            return self._put_record(record, IfMatch=etag)
        except AwsCallError as error:
            if error.code in CHANGED:
                return None
            raise

    def _put_record(self, record: Record, **condition: str) -> str:
        key = RunKeys(run_id=record.run_id).record
        return str(self.put(key, dump(record), ContentType="application/json", **condition)["ETag"])

    def read(self, run_id: str) -> tuple[Record, str]:
        """(record, ETag). RunNotFoundError when there is none, DamagedError where it is not as this tool writes it."""
        try:
            body, etag = self.read_with_etag(RunKeys(run_id=run_id).record, most_bytes=MOST_BYTES)
        except AwsCallError as error:
            if error.code in ABSENT:
                raise RunNotFoundError(
                    f"No run {run_id} is recorded in this account and region", hint=quoted("ps") + " lists the runs"
                ) from error
            raise
        return load(body, run_id=run_id), etag

    def run_ids(self, project: str | None = None) -> list[str]:
        """All recorded runs (of one project), oldest first."""
        prefix = f"runs/{project}-" if project else "runs/"
        folders = self.list("CommonPrefixes", Prefix=prefix, Delimiter="/")
        ids = [entry["Prefix"].removeprefix("runs/").rstrip("/") for entry in folders]
        mine = [run for run in ids if is_run_id(run) and (project is None or project_of_run(run) == project)]
        return sorted(mine, key=lambda run: run[-20:])

    def projects(self) -> dict[str, int]:
        """The number of recorded runs of each project that has anything in the bucket."""
        runs: dict[str, int] = {}
        for run in self.run_ids():
            runs[project_of_run(run)] = runs.get(project_of_run(run), 0) + 1
        for entry in self.list("CommonPrefixes", Prefix="inputs/", Delimiter="/"):
            runs.setdefault(entry["Prefix"].removeprefix("inputs/").rstrip("/"), 0)
        return runs
