"""`--follow-output`: results are there while the job still runs, and the last download goes on from them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tests.crash.story import Begin, Story
from tests.waiting import PATIENCE_S, until

from aws_run.events import OutputProgress

SCRIPT = """
import argparse, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("-i")
parser.add_argument("-o", type=pathlib.Path)
out, marker = parser.parse_args().o, pathlib.Path({marker!r})
(out / "early").mkdir()
for name in ("stays.txt", "edited.txt", "early/goes.txt"):
    (out / name).write_text(name)
while not marker.exists():
    time.sleep(0.02)
(out / "early/goes.txt").unlink()
(out / "early").rmdir()
(out / "edited.txt").write_text("the job's last word")
(out / "late.txt").write_text("late")
"""


def start(story: Story, **flags: Any) -> tuple[threading.Thread, list[Any], Path]:
    marker = story.home / "go on"
    (story.project / "main.py").write_text(SCRIPT.format(marker=str(marker)))
    done: list[Any] = []
    story.settings["AWS_RUN_SYNC_EVERY"] = "1s"
    thread = threading.Thread(target=lambda: done.append(story.submit(backend="fargate", timeout="12h", **flags)))
    thread.start()
    return thread, done, marker


def test_results_arrive_while_the_job_runs_and_the_end_keeps_what_a_person_changed_here(begin: Begin) -> None:
    story = begin()
    thread, done, marker = start(story, follow_output=True)
    out = story.home / "out"
    until(lambda: (out / "early/goes.txt").exists() and (out / "edited.txt").exists())
    assert not done
    assert story.account.running()
    (out / "edited.txt").write_text("a person's remark")
    (out / "mine.txt").write_text("mine")
    marker.write_text("")
    thread.join(PATIENCE_S)
    assert done[0].exit_code == 0
    run_id = story.record().run_id
    assert story.outputs() == {
        "stays.txt": "stays.txt",
        "edited.txt": "the job's last word",
        f"edited.txt.before-{run_id}": "a person's remark",
        "late.txt": "late",
        "mine.txt": "mine",
    }
    assert any(f"kept as edited.txt.before-{run_id}" in text for text in story.notices())
    counts = [event.files for event in story.events if isinstance(event, OutputProgress)]
    assert 3 in counts[:-1]
    assert story.account.left() == {}


def test_following_that_fails_is_told_and_never_the_runs_trouble(begin: Begin) -> None:
    story = begin()
    # A file stands where the job's folder has to go: every round fails until it is gone.
    (story.home / "out").mkdir()
    (story.home / "out/early").write_text("in the way")
    thread, done, marker = start(story, follow_output=True)
    until(lambda: any("the next round tries again" in text for text in story.notices()))
    assert story.account.running()
    (story.home / "out/early").unlink()
    marker.write_text("")
    thread.join(PATIENCE_S)
    assert done[0].exit_code == 0
    assert story.outputs()["late.txt"] == "late"


def test_without_the_option_nothing_comes_before_the_end(begin: Begin) -> None:
    story = begin()
    thread, done, marker = start(story)
    until(lambda: any(key.endswith("/output.json") for key in story.account.stored()))
    assert not (story.home / "out").exists()
    marker.write_text("")
    thread.join(PATIENCE_S)
    assert done[0].exit_code == 0
    assert set(story.outputs()) == {"stays.txt", "edited.txt", "late.txt"}
