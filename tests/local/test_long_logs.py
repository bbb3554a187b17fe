"""A job that writes very many lines costs the client no memory to speak of, whatever is done with its log.

The client is a process of its own; what is measured is the most memory it ever had (Linux's VmHWM), not time.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import Account, account, make_project

from aws_run.local.http.protocol import Reply

PAGE = 10_000
# Kept in memory, either would be far more than may be used; at night it is the million that was once reported.
SIZES = (300_000, pytest.param(1_000_000, marks=pytest.mark.nightly))
MOST_MIB = 200
# `aws-run`, which leaves the most memory it had in the file that is named first.
CLIENT = """
import pathlib, sys
from aws_run.cli.main import main
peak, sys.argv[1:] = pathlib.Path(sys.argv[1]), sys.argv[2:]
try:
    main(sys.argv[1:])
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    peak.write_text(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
LAST = "ValueError: \x1b]52;c;cm0gLXJm\x07\x1b]0;PWNED\x07the data \u202eare wrong##[add-mask]x"

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own figure")


class Place:
    def __init__(self, aws: Account, home: Path, lines: int) -> None:
        self.aws, self.home, self.lines = aws, home, lines
        self.project = make_project(home)
        aws.script.on_call.append(self._page)

    def _page(self, seen: Any, call: Any) -> Reply | None:
        """Very many lines, as CloudWatch gives them, in place of what the job wrote."""
        if seen.operation != "GetLogEvents":
            return None
        begin = int(str(call.params().get("nextToken") or "f/0").partition("/")[2])
        end = min(begin + PAGE, self.lines)
        events = [
            {
                "timestamp": 1_770_000_000_000 + n,
                "message": LAST
                if n == self.lines - 1
                else f"line {n:07} of a job that says much, as a training does with {'=' * 30}> its losses",
            }
            for n in range(begin, end)
        ]
        empty: Reply = call.reply({"events": [], "nextForwardToken": f"f/{end}"})
        # The embedded AWS checks each event of an answer of its own, which would take longer than all else here.
        return replace(empty, body=json.dumps({"events": events, "nextForwardToken": f"f/{end}"}).encode())

    def run(self, *arguments: object, code: int = 0) -> tuple[Path, str, float]:
        """The file that stdout went into, stderr's end, and the peak in MiB."""
        out, err, peak = (self.home / name for name in ("stdout", "stderr", "peak"))
        with out.open("w") as stdout, err.open("w") as stderr:
            done = subprocess.run(
                [sys.executable, "-c", CLIENT, peak, *map(str, arguments)], stdout=stdout, stderr=stderr, check=False,
                env=self.aws.environment(GITHUB_ACTIONS="true"), cwd=self.home, timeout=600,
            )  # fmt: skip
        with err.open(errors="replace") as lines:
            end = "".join(list(lines)[-30:])
        assert done.returncode == code, end
        return out, end, int(peak.read_text()) / 1024


@pytest.fixture(params=SIZES)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    with account(tmp_path) as aws:
        yield Place(aws, tmp_path, request.param)


def said(file: Path, prefix: str = "") -> int:
    """How many of the job's lines, in their order, the file holds."""
    numbers = (n for n in itertools.count())
    with file.open() as lines:
        return sum(1 for line in lines if line.startswith(prefix) and f"line {next(numbers):07} of" in line)


def test_very_many_lines_are_followed_saved_read_again_and_explained_in_bounded_memory(place: Place) -> None:
    _, end, peak = place.run(
        "submit", place.project, "-i", place.home / "data", "-o", place.home / "out", "--", "--fail", 3, code=3
    )
    assert peak < MOST_MIB
    assert said(place.home / "stdout", "line") == place.lines - 1
    with (place.home / "stdout").open() as lines:
        last_of_job = list(lines)[-1]
    assert "the data are wrong# #[add-mask]x" in last_of_job
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]|##\[", last_of_job + end)
    run = place.aws.run_id()
    with place.aws.world.lock:
        (bucket,) = place.aws.world.moto("s3", "aws").buckets.values()
        assert bucket.keys[f"runs/{run}/log.txt"].value.count(b"\n") == place.lines

    out, _, peak = place.run("logs", run)
    assert peak < MOST_MIB
    assert said(out, "line") == place.lines - 1
    with out.open() as lines:
        last = list(lines)[-1]
    assert last == "ValueError: the data are wrong# #[add-mask]x\n"

    out, _, peak = place.run("explain", run)
    assert peak < MOST_MIB
    assert out.read_text() == (
        f"{run}: The job ended with exit code 3; its last line was: ValueError: the data are wrong# #[add-mask]x.\n"
    )


def test_very_many_lines_of_a_run_that_nobody_watched_are_saved_in_bounded_memory(place: Place) -> None:
    place.run("submit", place.project, "-i", place.home / "data", "-o", place.home / "out", "--detach")
    place.aws.wait_for_tasks()
    place.aws.advance(60)
    _, _, peak = place.run("status", place.aws.run_id())
    assert peak < MOST_MIB
    with place.aws.world.lock:
        (bucket,) = place.aws.world.moto("s3", "aws").buckets.values()
        assert bucket.keys[f"runs/{place.aws.run_id()}/log.txt"].value.count(b"\n") == place.lines
