"""Fetching a run's outputs into `-o`: nothing of the user's is removed, nothing newer is overwritten silently."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aws_run.data.errors import translated
from aws_run.errors import AwsRunError, InterruptedRunError
from aws_run.events import Emit, Notice, OutputProgress
from aws_run.naming import RunKeys
from aws_run_entrypoint.transfer import (
    Bucket,
    EngineEvent,
    Entry,
    NoManifestError,
    Progress,
    Pulled,
    Retried,
    S3Error,
    get_object,
    pull_manifest,
)
from aws_run_entrypoint.transfer import manifest as manifests

_EVENT_EVERY_S = 0.1


@dataclass(frozen=True, kw_only=True)
class PulledOutput:
    """`kept`: local files that are newer than the run's and were left alone."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    kept: tuple[str, ...]


def pull_output(
    bucket: Bucket,
    run_id: str,
    into: Path,
    *,
    emit: Emit,
    overwrite: bool = False,
    cancel: threading.Event | None = None,
) -> PulledOutput | None:
    """None where the run has saved no outputs (yet). What is here already is not fetched again, so it resumes.

    A local file that differs and is newer than the run's stays, told as a warning, unless `overwrite`.
    """
    prefix = RunKeys(run_id=run_id).output
    listener = _Listener(emit, cancel)
    with translated("The outputs could not be fetched"):
        try:
            done: Pulled = pull_manifest(
                bucket,
                manifest_key(run_id),
                prefix=prefix,
                into=str(into),
                keep=None if overwrite else is_newer_here,
                on_event=listener,
            )
        except NoManifestError:
            return None
    if done.kept:
        shown = ", ".join(done.kept[:5]) + (" and more" if len(done.kept) > 5 else "")
        emit(
            Notice(
                text=f"{len(done.kept)} files in {into} are newer than the run's and were left alone: {shown}",
                level="warning",
                hint="`aws-run pull --overwrite` replaces them.",
            )
        )
    return PulledOutput(
        files=done.files,
        bytes=done.bytes,
        fetched_files=done.fetched_files,
        fetched_bytes=done.fetched_bytes,
        kept=tuple(done.kept),
    )


def follow_output(
    bucket: Bucket,
    run_id: str,
    into: Path,
    *,
    emit: Emit,
    over: threading.Event,
    every_s: float = 30.0,
    wait: Callable[[float], object] | None = None,
) -> int:
    """Fetches what the run has saved so far, again and again until `over` is set; the files fetched in all.

    Only whole files come, in the state of one sync of the run. The last fetch, after the run, is `pull_output`'s.
    A round that fails is told and tried again: the run does not depend on it.
    """
    pause = wait or over.wait
    fetched = 0
    while not over.is_set():
        try:
            done = pull_output(bucket, run_id, into, emit=emit, cancel=over)
            fetched += done.fetched_files if done is not None else 0
        except InterruptedRunError:
            break
        except AwsRunError as error:
            emit(Notice(text=f"{error.message}; the next round tries again", level="warning"))
        pause(every_s)
    return fetched


def output_totals(bucket: Bucket, run_id: str) -> tuple[int, int] | None:
    """(files, bytes) that the run has saved so far; None before the first sync."""
    with translated("The outputs could not be looked up"):
        try:
            head = manifests.header(get_object(bucket, manifest_key(run_id)).body)
        except S3Error as error:
            if error.absent:
                return None
            raise
    return head.files, head.bytes


def manifest_key(run_id: str) -> str:
    return f"{RunKeys(run_id=run_id).prefix}output.json"


def is_newer_here(entry: Entry, found: os.stat_result) -> bool:
    return found.st_mtime_ns > entry.mtime_ns


class _Listener:
    def __init__(self, emit: Emit, cancel: threading.Event | None) -> None:
        self._emit = emit
        self._cancel = cancel
        self._next = 0.0

    def __call__(self, event: EngineEvent) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise InterruptedError("cancelled")
        if isinstance(event, Progress):
            now = time.monotonic()
            if now >= self._next or event.files == event.total_files:
                self._next = now + _EVENT_EVERY_S
                self._emit(
                    OutputProgress(
                        files=event.files,
                        bytes=event.bytes,
                        total_files=event.total_files,
                        total_bytes=event.total_bytes,
                    )
                )
        elif isinstance(event, Retried):
            self._emit(Notice(text=f"{event.key}: fetched again ({event.why})", level="debug"))
