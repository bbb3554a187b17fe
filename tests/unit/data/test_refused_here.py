"""What this machine refuses while files come down: one sentence without Python's `[Errno 13]`, and what to do."""

from __future__ import annotations

import errno
import os

import pytest

from aws_run.data.errors import translated
from aws_run.errors import TransferError
from aws_run_entrypoint.transfer import PathError

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
    with pytest.raises(TransferError) as caught, translated(_FETCHING):
        raise OSError(number, os.strerror(number), "/results/a.txt")
    assert caught.value.message == f"{_FETCHING}: /results/a.txt: {os.strerror(number)}"
    assert hint in (caught.value.hint or "")
    assert "Errno" not in caught.value.message


def test_a_file_that_cannot_be_written_asks_for_another_folder_and_not_for_an_exclude() -> None:
    with pytest.raises(TransferError) as caught, translated(_FETCHING):
        raise PathError("a.txt", "can't be written (Permission denied)")
    assert caught.value.exit_code == 125
    assert "aws-run pull -o" in (caught.value.hint or "")
