"""Fetches a run's outputs into `-o`. Files of the user's are never removed, newer ones never overwritten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from aws_run.data.errors import translated
from aws_run.data.event_relay import EventRelay
from aws_run.data.output_folder import OutputFolder
from aws_run.errors import AwsRunError, InterruptedRunError, TransferError
from aws_run.events import Emit, Notice, OutputProgress
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.runs.keys import RunKeys
from aws_run.runs.output_files import OutputFile
from aws_run_entrypoint.transfer import (
    Bucket,
    EngineError,
    EngineEvent,
    NoManifestError,
    Progress,
    Pulled,
    Retried,
    Skipped,
    manifest_entries,
    pull_manifest,
)

_NAMED = 5
MOST_MANIFEST_BYTES = 64 << 20


@frozen
class PulledOutput:
    """`kept`: where local files went that were newer than the run's or had been changed; `removed_files`: what an
    earlier round had fetched and the job has deleted since; `left_out`: what this machine can't hold."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    kept: tuple[str, ...]
    removed_files: int = 0
    left_out: tuple[Skipped, ...] = ()
    no_room: int = 0  # of those left out, because the disk is full


def pull_output(
    bucket: Bucket,
    run_id: str,
    into: Path,
    *,
    emit: Emit,
    overwrite: bool = False,
    cancel: threading.Event | None = None,
    output_folder: OutputFolder | None = None,
) -> PulledOutput | None:
    """None where the run has saved no outputs (yet). What is here already is not fetched again, so it resumes.

    A local file that differs and is newer than the run's is put aside as `NAME.before-RUN`, told as a warning, unless
    `overwrite`. `output_folder` remembers what earlier rounds wrote: then the job's deletions follow, too.
    TransferError names what this machine can't hold, once all the rest is here.
    """
    output_folder = output_folder or OutputFolder(into, run_id, overwrite=overwrite, remembers=False)
    done = _round(bucket, run_id, output_folder, emit=emit, cancel=cancel)
    if done is not None and done.left_out:
        raise _left_out(run_id, into, done)
    return done


def _round(
    bucket: Bucket, run_id: str, output_folder: OutputFolder, *, emit: Emit, cancel: threading.Event | None
) -> PulledOutput | None:
    output_folder.begin_round()
    with translated("The outputs could not be fetched", into_outputs=True):
        try:
            done: Pulled = pull_manifest(
                bucket,
                manifest_key(run_id),
                prefix=RunKeys(run_id=run_id).output,
                into=str(output_folder.into),
                keep=output_folder.keep,
                strict=False,
                on_event=EventRelay(emit, cancel, progress=_progress, notice=_notice),
                on_listed=output_folder.listed,
                on_written=output_folder.written,
            )
            for skipped in done.left_out:
                output_folder.put_back(skipped.path)
        except NoManifestError:
            return None
        finally:
            _report_aside(output_folder, emit)
        removed = output_folder.remove_gone()
    return PulledOutput(
        files=done.files,
        bytes=done.bytes,
        fetched_files=done.fetched_files,
        fetched_bytes=done.fetched_bytes,
        kept=tuple(output_folder.aside),
        removed_files=removed,
        left_out=tuple(done.left_out),
        no_room=done.no_room,
    )


def _left_out(run_id: str, into: Path, done: PulledOutput) -> TransferError:
    shown = "; ".join(f"{one.path!r} {one.why}" for one in done.left_out[:_NAMED])
    more = f"; and {len(done.left_out) - _NAMED} more" if len(done.left_out) > _NAMED else ""
    which = "1 of the outputs" if len(done.left_out) == 1 else f"{len(done.left_out)} of the outputs"
    if done.no_room:
        return TransferError(
            f"{which} could not be put into {into}, whose disk is full; what fits is there: {shown}{more}",
            hint="Make room; " + quoted("pull", run_id, "-o", "FOLDER") + " fetches the rest.",
        )
    return TransferError(
        f"{which} could not be put into {into}, all others are there: {shown}{more}",
        hint="Rename what is in the way, or fetch into another folder, or on another system: "
        + quoted("pull", run_id, "-o", "FOLDER")
        + ".",
    )


def _report_aside(output_folder: OutputFolder, emit: Emit) -> None:
    if not output_folder.aside:
        return
    shown = ", ".join(output_folder.aside[:5]) + (" and more" if len(output_folder.aside) > 5 else "")
    what = "1 file was" if len(output_folder.aside) == 1 else f"{len(output_folder.aside)} files were"
    emit(
        Notice(
            text=f"{what} newer in {output_folder.into} than the run's; the run's took the name, yours is kept as "
            f"{shown}",
            level="warning",
        )
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
    output_folder: OutputFolder | None = None,
) -> int:
    """Fetches what the run has saved so far, again and again until `over` is set; the files fetched in all.

    Only whole files come, in the state of one sync of the run. The last fetch, after the run, is `pull_output`'s, with
    the same `output_folder`. A round that fails causes a warning and is repeated: the run does not depend on it.
    """
    pause = wait or over.wait
    output_folder = output_folder or OutputFolder(into, run_id)
    fetched = 0
    reported: tuple[Skipped, ...] = ()
    while not over.is_set():
        try:
            done = _round(bucket, run_id, output_folder, emit=emit, cancel=over)
            if done is not None:
                fetched += done.fetched_files
                if done.left_out and done.left_out != reported:
                    _warn_of_retry(_left_out(run_id, into, done), emit)
                reported = done.left_out
        except InterruptedRunError:
            break
        except AwsRunError as error:
            _warn_of_retry(error, emit)
        pause(every_s)
    return fetched


def _warn_of_retry(error: AwsRunError, emit: Emit) -> None:
    emit(Notice(text=f"{error.message}; the next round tries again", level="warning"))


def manifest_key(run_id: str) -> str:
    return f"{RunKeys(run_id=run_id).prefix}output.json"


def output_sums(manifest: bytes) -> dict[str, int]:
    """CRC-32 of each output, by its path, as far as a run's manifest tells; the job may have written that itself."""
    return {path: one.crc32 for path, one in (output_files(manifest) or {}).items() if one.crc32 is not None}


def output_files(manifest: bytes) -> dict[str, OutputFile] | None:
    """Each output by its path, as a run's manifest tells, which the job may have written itself. None: it is none."""
    try:
        return {
            entry.path: OutputFile(bytes=entry.size, crc32=entry.crc32, etag=entry.etag or "")
            for entry in manifest_entries(manifest)
            if not entry.is_dir
        }
    except EngineError:
        return None


def _progress(event: Progress) -> OutputProgress:
    return OutputProgress(
        files=event.files, bytes=event.bytes, total_files=event.total_files, total_bytes=event.total_bytes
    )


def _notice(event: EngineEvent) -> Notice | None:
    if isinstance(event, Retried):
        return Notice(text=f"{event.key}: fetched again ({event.why})", level="debug")
    return None
