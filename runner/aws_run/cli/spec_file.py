"""The file that --save-spec writes and `aws-run start` reads: one job as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aws_run.errors import AwsRunError, UsageError
from aws_run.events import Emit, Notice

if TYPE_CHECKING:
    from aws_run.runs.spec import JobSpec

_MOST_BYTES = 1024 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def refuse_unwritable(path: Path) -> None:
    """UsageError before anything is created, so that no run starts whose spec is lost."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"--save-spec {path}: is a folder; the job spec is a file")
    if not folder.is_dir():
        raise UsageError(f"--save-spec {path}: there is no folder {folder}", hint="make it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--save-spec {path}: can't be written by this user")


class SavedSpec:
    """Writes the job once it has started. `failed`: what kept it from being written; the run goes on."""

    def __init__(self, path: Path | None, emit: Emit) -> None:
        self._path = path
        self._emit = emit
        self.failed: AwsRunError | None = None

    def save(self, job: JobSpec) -> None:
        if self._path is None:
            return
        text = json.dumps(job.to_store().to_json(), indent=2, ensure_ascii=False) + "\n"
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            # For this user alone from its first byte on, since it holds the values of the variables.
            with os.fdopen(os.open(unfinished, _NEW_FILE, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            unfinished.replace(self._path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            self.failed = AwsRunError(f"The job spec could not be written to {self._path}: {error.strerror or error}")
            self._emit(Notice(text=str(self.failed), level="warning"))
            return
        holds = f"; it holds the values of {', '.join(sorted(job.env))}, so only you may read it" if job.env else ""
        self._emit(Notice(text=f"the job spec is in {self._path}{holds}"))


def read_spec(path: Path) -> JobSpec:
    """UsageError for a file that can't be read or that holds no job spec."""
    from aws_run.documents import DocumentError, parse_object
    from aws_run.runs.spec import job_from_json

    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror or error}") from None
    try:
        document = parse_object(raw, most_bytes=_MOST_BYTES).values
    except DocumentError as error:
        raise UsageError(
            f"{path} holds no job spec: it {error}", hint="`aws-run submit --save-spec FILE` writes one"
        ) from None
    return job_from_json(document, place=str(path))
