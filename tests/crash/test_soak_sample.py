"""A small soak; `make soak` is the whole: 30 submits at once."""

from __future__ import annotations

from pathlib import Path

from tests.crash.soak import soak


def test_submits_side_by_side_under_chaos_end_right_leave_nothing_and_keep_to_their_own(tmp_path: Path) -> None:
    report = soak(tmp_path, submits=6, at_once=3, seed=11)
    assert report.wrong == ()
    assert report.strangers == ()
    assert report.left == {}
