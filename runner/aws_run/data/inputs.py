"""Sends `-i`: only what changed, pinned by one manifest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from aws_run.data.errors import translated
from aws_run.data.event_relay import EventRelay
from aws_run.errors import UsageError
from aws_run.events import Emit, LaneProgress, Notice
from aws_run.frozen import frozen
from aws_run.project.ignore_rules import PatternError, exclude_matcher
from aws_run_entrypoint.transfer import Bucket, EngineEvent, Progress, Retried, Skipped, Unchecked, push_folder

# The bucket's lifecycle (infra/resource_types/bucket.py) keeps versions of inputs that are not current for 30 days: a
# manifest that pins one is noticed before they go, and before a run that got it may still read it (14 days at most).
_CHECK_PINS_AFTER_S = 14 * 86_400.0
SNAPSHOT_SUFFIX = ".snapshot.json"


@frozen
class InputSnapshot:
    """The state of one input that a run is pinned to. `version_id` None only in a bucket without versions. `into`: its
    folder in the one that the job gets, "" for that one itself. `source`: where its objects are, when they were not
    copied."""

    snapshot_key: str
    version_id: str | None
    label: str
    into: str = ""
    files: int
    bytes: int
    sent_files: int
    sent_bytes: int
    deleted_files: int
    unchanged: bool
    source: str | None = None

    @property
    def prefix(self) -> str:
        """What the keys of its files begin with, where they were copied."""
        return self.snapshot_key.removesuffix(SNAPSHOT_SUFFIX) + "/"


def push_input(
    bucket: Bucket,
    folder: Path,
    *,
    project: str,
    label: str,
    into: str = "",
    emit: Emit,
    exclude: Sequence[str] = (),
    full: bool = False,
    follow_links: bool = False,
    cancel: threading.Event | None = None,
) -> InputSnapshot:
    """Makes `inputs/<project>/<label>/` hold `folder`. Files that `exclude` matches (as in .gitignore) are never sent.
    `follow_links`: what links lead to is sent also where it lies elsewhere.

    UsageError names a file that can't be sent; TransferError is everything that failed on the way. `cancel`, once set,
    ends it at the next event with InterruptedRunError.
    """
    if not folder.is_dir():
        raise UsageError(
            f"The input folder {str(folder)!r} {'is a file' if folder.exists() else 'does not exist'}.",
            hint="Name a folder with -i.",
        )
    prefix = input_prefix(project, label)
    key = snapshot_key(project, label)
    with translated("The input could not be sent"):
        done = push_folder(
            bucket,
            str(folder),
            prefix=prefix,
            manifest_key=key,
            exclude=matcher(exclude),
            full=full,
            check_pins_after_s=_CHECK_PINS_AFTER_S,
            follow_links=follow_links,
            on_event=EventRelay(emit, cancel, progress=_progress, notice=_notice),
        )
    return InputSnapshot(
        snapshot_key=key,
        version_id=done.manifest_version_id,
        label=label,
        into=into,
        files=done.files,
        bytes=done.bytes,
        sent_files=done.sent_files,
        sent_bytes=done.sent_bytes,
        deleted_files=done.deleted_files,
        unchanged=done.unchanged,
    )


def input_prefix(project: str, label: str) -> str:
    """What the keys of an input's files begin with."""
    return f"inputs/{project}/{label}/"


def snapshot_key(project: str, label: str) -> str:
    """The object that lists an input's files."""
    return input_prefix(project, label).removesuffix("/") + SNAPSHOT_SUFFIX


def matcher(patterns: Sequence[str]) -> Callable[[str], bool] | None:
    """UsageError for a pattern that can't be parsed."""
    if not patterns:
        return None
    try:
        return exclude_matcher(patterns)
    except PatternError as error:
        raise UsageError(f"`exclude:`, pattern {error.line}: {error}") from error


def _progress(event: Progress) -> LaneProgress:
    text = f"{event.files} of {event.total_files} files"
    return LaneProgress(lane="input", text=text, done=event.bytes, total=event.total_bytes, in_bytes=True)


def _notice(event: EngineEvent) -> Notice | None:
    match event:
        case Retried(key=key, why=reason):
            return Notice(text=f"{key}: sent again ({reason})", level="debug")
        case Skipped(path=path, why=reason):
            return Notice(text=f"{path} {reason}; it was left out", level="warning")
        case Unchecked(prefix=prefix, why=code):
            text = (
                f"whether S3 will keep all files of {prefix} could not be checked ({code}): "
                "these credentials lack s3:ListBucketVersions on the bucket"
            )
            return Notice(text=text, level="warning")
    return None
