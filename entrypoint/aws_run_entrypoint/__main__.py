"""`python3 -I entrypoint.pyz [CMD…]`: PID 1 of the container."""

from __future__ import annotations

import os
import sys

OLDEST = (3, 9)


def start() -> int:
    if sys.version_info < OLDEST:
        sys.stderr.write("aws-run: this image's python3 is %d.%d; 3.9 or newer is needed\n" % sys.version_info[:2])
        return 125
    if sys.argv[1:2] == ["--self-check"]:
        from aws_run_entrypoint import main as _checked  # noqa: F401

        sys.stdout.write("aws-run entrypoint works with Python %d.%d\n" % sys.version_info[:2])
        return 0
    from aws_run_entrypoint.main import main

    return main(sys.argv[1:], os.environ)


if __name__ == "__main__":
    sys.exit(start())
