"""How many AWS round trips a submit makes up to RunTask, first and unchanged, as `--debug` prints them.

Counted are HTTP requests as sent, retries included. The transfer engine's own requests come on top: an unchanged input
is one. Each backend gets an embedded AWS of its own, with tasks as plain processes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "wordcount"
KEPT = ("--keep", "roles", "--keep", "log-group")
BAR = 25


def main() -> int:
    print(f"{'backend':8} {'first':>6} {'unchanged':>10} {'unchanged, roles and log group kept':>36}   bar: {BAR}")
    for backend in ("fargate", "ec2"):
        with tempfile.TemporaryDirectory() as state:
            environment = {**os.environ, "XDG_STATE_HOME": state}
            run(["local", "start", "--runtime", "process", "--boot-seconds", "0.05"], environment)
            try:
                first, unchanged, _, kept = (
                    trips(["--backend", backend, *more], environment) for more in ((), (), KEPT, KEPT)
                )
            finally:
                run(["local", "stop"], environment)
        print(f"{backend:8} {first:6} {unchanged:10} {kept:36}")
    return 0


def trips(flags: list[str], environment: dict[str, str]) -> int:
    with tempfile.TemporaryDirectory() as out:
        said = run(
            ["submit", str(EXAMPLE), "-i", str(EXAMPLE / "data"), "-o", out, "--local", "--debug", *flags], environment
        )
    found = re.search(r"AWS calls up to RunTask: (\d+)", said)
    if found is None:
        sys.exit(said)
    return int(found[1])


def run(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aws_run.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stderr


if __name__ == "__main__":
    sys.exit(main())
