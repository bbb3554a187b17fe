"""The files by which a step hands values to the runner: GITHUB_OUTPUT, GITHUB_STATE, GITHUB_STEP_SUMMARY.

What is written to them is read by the runner when the step has ended, however it ended (actions/runner,
FileCommandManager.cs), so a value that was written before a kill is there in `post`.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from aws_run.errors import AwsRunError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MOST_SUMMARY_BYTES = 1000 * 1000  # the runner takes 1 MiB of a step and nothing of a longer one


def new_delimiter() -> str:
    return f"aws_run_{secrets.token_hex(16)}"


def as_heredoc(values: Mapping[str, str], delimiter: str) -> str:
    """The values as the runner reads them. A value that holds the delimiter could add others, so it is refused."""
    lines = []
    for name, value in values.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a name of an output")
        if delimiter in value:
            raise AwsRunError(f"The output {name} holds the delimiter that separates outputs, so it was not written")
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(lines)


class FileCommands:
    """Writes at once and to the disk, by any thread; nothing where a variable is not set, since no runner reads it."""

    def __init__(self, environ: Mapping[str, str], *, delimiter: Callable[[], str] = new_delimiter) -> None:
        self._environ = environ
        self._delimiter = delimiter
        self._lock = threading.Lock()

    def outputs(self, values: Mapping[str, str]) -> None:
        self._append("GITHUB_OUTPUT", as_heredoc(values, self._delimiter()))

    def state(self, values: Mapping[str, str]) -> None:
        """What `post` gets as STATE_<name>."""
        self._append("GITHUB_STATE", as_heredoc(values, self._delimiter()))

    def summary(self, markdown: str) -> None:
        raw = markdown.encode(errors="replace")
        if len(raw) > _MOST_SUMMARY_BYTES:
            raw = raw[:_MOST_SUMMARY_BYTES].rpartition(b"\n")[0] + b"\n\n*This summary was too long and was cut.*\n"
        self._append("GITHUB_STEP_SUMMARY", raw.decode(errors="ignore"))

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if not path:
            return
        try:
            with self._lock, Path(path).open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AwsRunError(f"{variable} could not be written: {error.strerror or error}") from error
