"""What a command costs before AWS answers: its own CPU time beside that of `import boto3`, measured in turns.

    .venv/bin/python benchmarks/cli/bench.py [--times 5]

On an embedded AWS of its own, with one run in it. A ratio says the same on a fast machine and on a busy one; seconds
don't. Every module is compiled before the first measurement, as it is after any first use.

Then the same submit again, of a job of about a second with nothing changed: what it takes beside the job itself, and
what passes between the event that says STOPPED and the first one of the download.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

TOOL = str(Path(sys.executable).with_name("aws-run"))
PROJECT = Path(__file__).resolve().parents[2] / "examples" / "forest"
COMMANDS = {
    "import boto3": [sys.executable, "-c", "import boto3"],
    "aws-run --help": [TOOL, "--help"],
    "aws-run ps": [TOOL, "ps", "--local"],
    "aws-run status": [TOOL, "status", "--local"],
    "aws-run plan": [TOOL, "plan", str(PROJECT), "-i", str(PROJECT / "data"), "--local"],
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"XDG_STATE_HOME": f"{home}/state", "XDG_CACHE_HOME": f"{home}/cache"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        start = [TOOL, "local", "start", "--runtime", "process", "--boot-seconds", "0.05"]
        subprocess.run(start, env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            submit = [TOOL, "submit", str(PROJECT), "-i", str(PROJECT / "data"), "-o", f"{home}/out", "--local"]
            subprocess.run(submit, env=environment, check=True, capture_output=True)
            _measure(times, environment)
            _measure_unchanged(times, [*submit, "--json"], environment)
            return 0
        finally:
            subprocess.run([TOOL, "local", "stop"], env=environment, check=True, stdout=subprocess.DEVNULL)


def _measure(times: int, environment: dict[str, str]) -> None:
    for command in COMMANDS.values():
        _cpu_s(command, environment)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(times):
        for name, command in COMMANDS.items():
            seconds[name].append(_cpu_s(command, environment))
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{'command':<16}  {'CPU s':>6}  {'beside import boto3':>19}")
    for name, value in middle.items():
        print(f"{name:<16}  {value:6.2f}  {value / middle['import boto3']:18.1f}x")


def _measure_unchanged(times: int, submit: list[str], environment: dict[str, str]) -> None:
    ours, waits = [], []
    for _ in range(times):
        began = time.monotonic()
        done = subprocess.run(submit, env=environment, check=True, capture_output=True, text=True)
        took_s = time.monotonic() - began
        at = _first_times(done.stderr.splitlines())
        ours.append(took_s - (at["STOPPED"] - at["RUNNING"]).total_seconds())
        waits.append((at["output_progress"] - at["STOPPED"]).total_seconds())
    print(f"unchanged submit, without its job: {statistics.median(ours):.2f} s ({min(ours):.2f} to {max(ours):.2f})")
    print(f"from STOPPED to the download: {statistics.median(waits):.2f} s ({min(waits):.2f} to {max(waits):.2f})")


def _first_times(lines: list[str]) -> dict[str, datetime]:
    """When each event, and each status, was first told."""
    found: dict[str, datetime] = {}
    for line in lines:
        event = json.loads(line)
        found.setdefault(event.get("status") or event["event"], datetime.fromisoformat(event["at"]))
    return found


def _cpu_s(command: list[str], environment: dict[str, str]) -> float:
    """User and system time of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, cwd=PROJECT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
