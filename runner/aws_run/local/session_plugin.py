"""The embedded AWS's session-manager-plugin: started with the same arguments, it runs the session's command in the
task's container, through the runtime that the container runs in."""

from __future__ import annotations

import json
import subprocess
import sys

from aws_run.errors import AwsRunError
from aws_run.local.ask import ask
from aws_run.local.lifecycle import running


def main(argv: list[str]) -> int:
    """As AWS's own it gives back no exit code of the command: 1 where the session could not be begun, else 0."""
    session = json.loads(argv[0])
    local = running()
    if local is None:
        sys.stderr.write("the embedded AWS has stopped\n")
        return 1
    request = {"token": session["tokenValue"], "terminal": _terminal()}
    try:
        told = ask(local, f"session/{session['sessionId']}", request)
    except AwsRunError as error:
        sys.stderr.write(f"{error.message}; {error.hint}\n")
        return 1
    if "argv" not in told:
        sys.stderr.write(f"{told.get('error', 'the session could not be begun')}\n")
        return 1
    try:
        subprocess.call(told["argv"], cwd=told["cwd"], env=told["environment"])
    except OSError as error:
        sys.stderr.write(f"{told['argv'][0]}: {error.strerror}\n")
        return 1
    return 0


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
