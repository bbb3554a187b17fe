"""A small soak; `make soak` is the whole: 30 submits at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.crash.soak import soak


@pytest.mark.parametrize("aws_times", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_submits_side_by_side_under_chaos_end_right_leave_nothing_and_keep_to_their_own(
    tmp_path: Path, aws_times: bool
) -> None:
    report = soak(tmp_path, submits=4, at_once=3, seed=11, aws_times=aws_times)
    assert report.wrong == ()
    assert report.strangers == ()
    assert report.left == {}
