"""A progress bar in a running job: what `logs`, `status` and `ps` show of it, and what log.txt keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, log_has, project

BAR = """
import argparse, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
options = parser.parse_args()
print("before", flush=True)
step = 0
while not pathlib.Path(options.i, "..", "..", "enough").exists() and step < 4000:
    step += 1
    sys.stdout.write(f"\\r{step} steps"); sys.stdout.flush()
    time.sleep(0.1)
print("\\nafter", flush=True)
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        yield running


def test_a_bar_is_live_while_it_moves_and_one_line_of_the_log_at_the_end(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "bar", BAR)
    begun = aws.run("submit", folder, "-i", folder / "data", "--local", "--detach", "--json")
    assert begun.returncode == 0, begun.stderr
    run = json.loads(begun.stdout)["run_id"]
    log_has(aws, "\u240d0 ")

    log = aws.run("logs", run, "--local").stdout.splitlines()
    assert [line for line in log if "before" in line] == ["before"]
    assert sum("steps" in line for line in log) == 1
    assert not [line for line in log if "\u240d" in line]
    raw = aws.run("logs", run, "--local", "--raw").stdout
    assert "\u240d0 " in raw
    shown = json.loads(aws.run("status", run, "--local", "--json").stdout)["so_far"]
    assert shown["progress"][0].endswith("steps")
    assert shown["elapsed_s"] >= 0
    assert 0 < shown["left_s"] <= 7200
    assert shown["cost_usd"] >= 0
    (listed,) = json.loads(aws.run("ps", "--local", "--json", "--all").stdout)["runs"]
    assert listed["so_far"]["progress"][0].endswith("steps")

    assert aws.run("cancel", run, "--local").returncode == 0
    kept = aws.text(f"runs/{run}/log.txt")
    assert "\u240d" not in kept
    assert kept.count("steps") == 1
