"""What a run's owner should know of its outcome although nothing failed: sentences from what is on record. Pure."""

from __future__ import annotations

from aws_run.report.format import count, size
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import LeftBehind, Outcome


def warnings_of(outcome: Outcome) -> tuple[str, ...]:
    """One sentence each, without a line break. A failure speaks for itself; only one for want of outputs names them."""
    finished = outcome.exit_code == 0 or outcome.reason is OutcomeReason.NO_OUTPUT
    if not finished or outcome.saved_files != 0:
        return ()
    left = outcome.left_behind
    nothing = "the job wrote nothing into its output folder"
    if left is None or not left.files:
        return (nothing,)
    return (f"{nothing}; it left {_named(left)} in its working directory, which is gone now",)


def _named(left: LeftBehind) -> str:
    names = [f"{one.name} ({size(one.bytes)})" for one in left.named]
    others = left.files - len(names)
    if not names:
        return f"{count(left.files, 'file')} ({size(left.bytes)})"
    if others > 0:
        names.append(f"{count(others, 'more file')} ({size(left.bytes)} in all)")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
