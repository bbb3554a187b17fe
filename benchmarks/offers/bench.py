"""What `offers` and `plan` cost: seconds of ours and calls of AWS, on a machine that knows nothing yet and on one that
has read the catalogue and the prices today.

On the embedded AWS, so the seconds are the tool's own and its answers', without any distance: each call adds a round
trip to AWS, and calls that are made side by side add one together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "wordcount"
REQUESTS = {
    "2 vCPU, 8 GB, EC2": {"backend": "ec2"},
    "4+ vCPU, 16 GB, auto": {"cpu": "4+", "memory": "16GB", "spot_policy": "auto"},
    "1 x L4, auto": {"gpu": "L4:1", "spot_policy": "auto"},
}
COMMANDS = ("offers", "plan")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=2, metavar=("COMMAND", "REQUEST"))
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return 0
    print(f"{'request':22} {'command':7} {'cache':5} {'wall s':>7} {'CPU s':>6} {'calls':>6}   by service")
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "XDG_STATE_HOME": state}
        tool(["local", "start", "--runtime", "process"], environment)
        try:
            for request in REQUESTS:
                for command in COMMANDS:
                    with tempfile.TemporaryDirectory() as cache:
                        for heat in ("cold", "warm"):
                            row(request, command, heat, {**environment, "XDG_CACHE_HOME": cache})
        finally:
            tool(["local", "stop"], environment)
    return 0


def row(request: str, command: str, heat: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, __file__, "--one", command, request],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    calls = ", ".join(f"{service} {count}" for service, count in sorted(told["calls"].items()))
    total = sum(told["calls"].values())
    print(f"{request:22} {command:7} {heat:5} {told['wall_s']:7.2f} {told['cpu_s']:6.2f} {total:6}   {calls}")


def measure(command: str, request: str) -> dict[str, Any]:
    """In a process of its own, as a user's command is; without Python's start."""
    began = time.monotonic()
    from aws_run.cli import compose
    from aws_run.usecases.offers import offers
    from aws_run.usecases.plan import plan

    flags = {"input": str(EXAMPLE / "data"), "output": None, "args": (), **REQUESTS[request]}
    config = compose.load(EXAMPLE, None, {**flags, "detach": True}, for_run=command == "plan")
    with compose.open_target(True) as target:
        aws = compose.open_aws(region=None, profile=None, local=True)
        context = compose.make_context(aws, lambda event: None, target)
        if command == "plan":
            plan(config, context)
        else:
            offers(config, context, duration_s=3600)
        calls = Counter(trip.service for trip in aws.trips)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"wall_s": time.monotonic() - began, "cpu_s": used.ru_utime + used.ru_stime, "calls": calls}


def tool(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aws_run.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    sys.exit(main())
