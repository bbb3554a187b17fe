"""`python -m aws_run.local.daemon OPTIONS`: the process behind `aws-run local start`."""

from __future__ import annotations

import json
import signal
import sys

from aws_run.errors import AwsRunError
from aws_run.local.lifecycle import serve
from aws_run.local.options import LocalOptions


def main() -> int:
    # Blocked here and taken by sigwait, also in threads that start later.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    options = json.loads(sys.argv[1])
    options["no_capacity"] = tuple(options.get("no_capacity") or ())
    try:
        serve(LocalOptions(**options))
    except AwsRunError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
