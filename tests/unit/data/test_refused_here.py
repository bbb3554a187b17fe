"""What this machine refuses while files come down: one sentence without Python's `[Errno 13]`, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from aws_run.config.models import Input
from aws_run.data.errors import translated
from aws_run.data.inspect_input import InputSummary, inspect_input
from aws_run.errors import TransferError, UsageError
from aws_run_entrypoint.transfer import Bucket, BusyError, UnwritableError

_FETCHING = "The outputs could not be fetched"


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "a folder that you may write to"),
        (errno.EPERM, "a folder that you may write to"),
        (errno.EROFS, "a folder that you may write to"),
        (errno.ENOSPC, "Make room"),
        (errno.EIO, ""),
    ],
)
def test_what_the_system_refuses_is_a_sentence(number: int, hint: str) -> None:
    with pytest.raises(TransferError) as caught, translated(_FETCHING, into_outputs=True):
        raise OSError(number, os.strerror(number), "/results/a.txt")
    assert caught.value.message == f"{_FETCHING}: /results/a.txt: {os.strerror(number)}"
    assert hint in (caught.value.hint or "")
    assert "Errno" not in caught.value.message


def test_a_file_that_cannot_be_written_asks_for_another_folder_and_not_for_an_exclude() -> None:
    with pytest.raises(TransferError) as caught, translated(_FETCHING):
        raise UnwritableError("a.txt", "can't be written (Permission denied)")
    assert caught.value.exit_code == 125
    assert "aws-run pull -o" in (caught.value.hint or "")


def test_two_clients_in_one_folder_are_told_what_to_do() -> None:
    with pytest.raises(TransferError, match="somebody else is writing into") as caught, translated(_FETCHING):
        raise BusyError("somebody else is writing into '/out' and has begun 'a' anew")
    assert "aws-run pull" in (caught.value.hint or "")


def test_an_input_file_that_cannot_be_opened_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("open.txt", "sub/closed.txt", "closed.tmp"):
        (tmp_path / name).write_text("x")

    def nobody(*_: object, **__: object) -> Bucket:
        pytest.fail("AWS is not asked")

    def look() -> InputSummary:
        return inspect_input(
            Input(place=str(tmp_path)), nobody, emit=lambda event: None, project="p", exclude=["*.tmp"]
        )

    assert look().files == 2
    # As root every file may be read.
    monkeypatch.setattr(os, "access", lambda path, mode: "closed" not in str(path))
    with pytest.raises(UsageError, match=r"'sub/closed.txt' can't be read \(Permission denied\)") as caught:
        look()
    assert "exclude" in (caught.value.hint or "")
