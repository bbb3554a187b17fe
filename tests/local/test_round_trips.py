"""How many AWS calls an unchanged submit makes up to RunTask: each is a round trip that somebody far away waits for."""

from __future__ import annotations

import re

import pytest
from tests.crash.story import Begin

_MOST = {"fargate": 23, "ec2": 25}


@pytest.mark.parametrize("backend", ["fargate", "ec2"])
def test_an_unchanged_submit_makes_few_calls_before_its_task_is_accepted(begin: Begin, backend: str) -> None:
    story = begin()
    assert story.submit(backend=backend).exit_code == 0
    second = story.new_bench()
    assert story.submit(backend=backend, context=second).exit_code == 0
    counts = [int(match[1]) for text in story.notices() if (match := re.match(r"AWS calls up to RunTask: (\d+)", text))]
    operations = [trip.operation for trip in second.aws.trips][: counts[-1]]
    assert counts[-1] <= _MOST[backend], "\n".join(operations)
