"""`aws-run`, with a line of JSON for each answer that AWS gives it: `python -m tests.smoke.recorded TRACE ARGS…`."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from tests.smoke.shapes import paths

_LOCK = threading.Lock()


def record(trace: TextIO) -> None:
    """From now on, of every client in this process. A line is whole or not there, should the process be killed."""
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(self: Any, operation: str, parameters: Any) -> Any:
        began, line = time.monotonic(), {"service": self.meta.service_model.service_name, "operation": operation}
        try:
            answer = send(self, operation, parameters)
        except ClientError as error:
            line["refused"] = str(error.response.get("Error", {}).get("Code"))
            raise
        else:
            line["members"] = paths(answer)
            return answer
        finally:
            line["seconds"] = round(time.monotonic() - began, 4)
            with _LOCK:
                trace.write(json.dumps(line) + "\n")
                trace.flush()

    BaseClient._make_api_call = recorded  # type: ignore[attr-defined]


def main() -> int:
    from aws_run.cli.main import main as aws_run

    path, *arguments = sys.argv[1:]
    with Path(path).open("a", encoding="utf-8") as trace:
        record(trace)
        sys.argv = ["aws-run", *arguments]
        aws_run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
