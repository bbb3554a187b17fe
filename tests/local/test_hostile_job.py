"""A job that freezes its entrypoint and writes a result of its own: its run ends, and nobody else pays for it."""

from __future__ import annotations

import threading
from typing import Any

from tests.crash.story import Begin
from tests.waiting import PATIENCE_S

from aws_run.lifecycle import lookup
from aws_run.lifecycle.end import leftovers
from aws_run.runs.keys import RunKeys

POISON = """
import argparse, os, signal, time
parser = argparse.ArgumentParser()
parser.add_argument("-i")
parser.add_argument("-o")
parser.parse_args()
print("at work", flush=True)
while not os.path.exists({arrived!r}):  # the line
    time.sleep(0.02)
# What PID 1 of a container is deaf to; here it is a process like any other.
os.kill(os.getppid(), signal.SIGSTOP)
while True:
    time.sleep(0.1)
"""


def test_a_poisoned_result_of_a_frozen_entrypoint_ends_in_the_teardown_at_the_deadline(begin: Begin) -> None:
    story = begin()
    arrived = story.home / "arrived"
    (story.project / "main.py").write_text(POISON.format(arrived=str(arrived)))
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(story.submit(backend="ec2", timeout="1h")))
    thread.start()
    story.account.until(lambda: "at work" in story.account.log())
    arrived.touch()
    context = story.new_bench()
    key = RunKeys(run_id=story.record().run_id).result
    lookup.store(context).put_text(key, "[" * 100_000)  # the job's own role may do that
    story.account.advance(3600 + 15 * 60)
    thread.join(PATIENCE_S)
    (submitted,) = done
    assert submitted.exit_code == 124
    assert "ended at its deadline" in submitted.view.status
    assert "its result.json does not count: it is nested deeper than 16 levels" in submitted.view.status
    assert story.account.left() == {}
    assert leftovers.find_leftovers(story.new_bench()) == ()
