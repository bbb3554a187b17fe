"""Counts a folder, or pins an address in S3, before anything is created. Only reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from aws_run import naming
from aws_run.config.models import Input
from aws_run.data.errors import to_tool_error, translated
from aws_run.data.inputs import InputSnapshot, input_prefix, matcher
from aws_run.data.s3_input import Pinned, pin_input
from aws_run.errors import UsageError
from aws_run.events import Emit
from aws_run.frozen import frozen
from aws_run_entrypoint.transfer import OUR_OWN, Bucket, PathError, check_key, scan_folder

_DOING = "The input can't be sent"
_MOST_NAMED = 10


@frozen
class InputSummary:
    """`files` and `bytes` of what a run would get, `exclude` left out. `pinned`: an address in S3; `stored`: a folder
    that an earlier client sent; neither: a folder here."""

    name: str | None
    place: str
    files: int
    bytes: int
    pinned: Pinned | None = None
    stored: InputSnapshot | None = None


def inspect_input(
    one: Input,
    storage: Callable[[str], Bucket],
    *,
    emit: Emit,
    project: str,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    cancel: threading.Event | None = None,
    on_seen: Callable[[int, int], None] = lambda files, size_bytes: None,
) -> InputSummary:
    """UsageError for what can't be an input, TransferError for what can't be read. `storage`: a bucket by its name, as
    this account would own it. `project`: whose input it is, which is a part of its keys.
    `on_seen`: called with files and bytes so far. `cancel`: ends the look with InterruptedRunError."""
    uri = one.s3
    if uri is not None:
        pinned = pin_input(storage(uri.bucket), uri, emit=emit, exclude=exclude, cancel=cancel, on_seen=on_seen)
        return InputSummary(name=one.name, place=one.place, files=pinned.files, bytes=pinned.size_bytes, pinned=pinned)
    files = total = 0
    if one.folder is None or not one.folder.is_dir():
        raise UsageError(f"{one.place}: no such folder", hint="Name a folder with -i.")
    refused = Refused()
    with translated(_DOING):
        prefix = input_prefix(project, one.name or naming.input_label(one.place))
        listed = scan_folder(
            str(one.folder),
            exclude=_ended_by(cancel, matcher(exclude)),
            follow_links=follow_links,
            on_refused=refused.note,
        )
        for file in listed:
            # Checked here, since a file that can't be opened would otherwise show only when half of the run exists.
            if not os.access(f"{one.folder}/{file.path}", os.R_OK):
                refused.note(PathError(file.path, "can't be read (Permission denied)"))
            try:
                check_key(prefix + file.path, file.path)
            except PathError as error:
                refused.note(error)
            files += not file.is_dir
            total += file.size
            on_seen(files, total)
    refused.refuse()
    return InputSummary(name=one.name, place=one.place, files=files, bytes=total)


def _ended_by(cancel: threading.Event | None, left_out: Callable[[str], bool] | None) -> Callable[[str], bool] | None:
    """`left_out`, which is asked about each entry, so that a look through a large folder ends here, whatever of it is
    left out."""
    if cancel is None:
        return left_out

    def asked(path: str) -> bool:
        if cancel.is_set():
            raise InterruptedError
        return left_out is not None and left_out(path)

    return asked


class Refused:
    """The entries of a folder that can't be sent, so that who named it puts all of them right in one round."""

    def __init__(self) -> None:
        self._first: list[PathError] = []
        self._entries = 0

    def note(self, error: PathError) -> None:
        if error.why == OUR_OWN:
            return  # what a killed download left; the sender leaves it out as well
        self._entries += 1
        if len(self._first) < _MOST_NAMED:
            self._first.append(error)

    def refuse(self) -> None:
        """UsageError where there was an entry."""
        errors = [to_tool_error(_DOING, each) for each in self._first]
        if self._entries == 1:
            raise errors[0]
        if errors:
            lines = [f"{_DOING}: {self._entries} entries of the folder are in the way", *map(str, self._first)]
            if self._entries > len(self._first):
                lines.append(f"and {self._entries - len(self._first)} more")
            hints = dict.fromkeys(error.hint for error in errors if error.hint)
            raise UsageError("\n".join(lines), hint="\n".join(hints))
