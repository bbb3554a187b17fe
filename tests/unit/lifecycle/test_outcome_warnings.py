"""What a run's owner is told of a success that left nothing."""

from __future__ import annotations

import pytest

from aws_run.lifecycle.outcome_warnings import warnings_of
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import LeftBehind, LeftFile, Outcome

CSV, BIN = LeftFile(name="results.csv", bytes=8), LeftFile(name="model/w.bin", bytes=2048)
NOTHING = "the job wrote nothing into its output folder"


def outcome(exit_code: int = 0, reason: str = "exit", saved: int | None = 0, left: LeftBehind | None = None) -> Outcome:
    return Outcome(exit_code=exit_code, reason=OutcomeReason(reason), sentence="x", saved_files=saved, left_behind=left)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (None, NOTHING),
        (LeftBehind(files=0, bytes=0), NOTHING),
        (LeftBehind(files=1, bytes=8, named=(CSV,)), f"{NOTHING}; it left results.csv (8 B)"),
        (
            LeftBehind(files=2, bytes=9, named=(CSV, BIN)),
            f"{NOTHING}; it left results.csv (8 B) and model/w.bin (2.0 KiB)",
        ),
        (
            LeftBehind(files=1000, bytes=4096, named=(CSV, BIN)),
            f"{NOTHING}; it left results.csv (8 B), model/w.bin (2.0 KiB) and 998 more files (4.0 KiB in all)",
        ),
        (LeftBehind(files=2, bytes=9), f"{NOTHING}; it left 2 files (9 B)"),
    ],
)
def test_what_was_left_instead_is_named(left: LeftBehind | None, text: str) -> None:
    (told,) = warnings_of(outcome(left=left))
    assert told == text + (" in its working directory, which is gone now" if "left" in text else "")


def test_only_a_success_and_a_failure_for_want_of_outputs_are_warned_of() -> None:
    assert warnings_of(outcome(125, "no-output"))
    assert warnings_of(outcome(1, "exit")) == ()
    assert warnings_of(outcome(saved=None)) == ()
    assert warnings_of(outcome(saved=3)) == ()
