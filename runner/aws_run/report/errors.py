"""An error as lines: what happened, the details that the error carries, and what to do next."""

from __future__ import annotations

from aws_run.errors import AwsRunError, BuildError, TeardownError
from aws_run.report.format import clean


def render_error(error: AwsRunError) -> str:
    """Plain text, several lines, no line break at the end. Text from elsewhere in it is cleaned."""
    return "\n".join(text for _, text in error_lines(error))


def error_lines(error: AwsRunError) -> list[tuple[str, str]]:
    """(role, line): role is error, log, command or hint."""
    lines: list[tuple[str, str]] = []
    first, *more = error.message.splitlines() or [type(error).__name__]
    lines.append(("error", f"error: {clean(first)}"))
    lines += [("error", f"       {clean(line)}") for line in more]
    if isinstance(error, BuildError):
        lines += [("log", f"  | {clean(line)}".rstrip()) for line in error.log_tail]
    if isinstance(error, TeardownError) and error.commands:
        lines.append(("error", "to finish the job by hand:"))
        lines += [("command", f"  {clean(command)}") for command in error.commands]
    if error.hint:
        first, *more = error.hint.splitlines()
        lines.append(("hint", f"hint: {clean(first)}"))
        lines += [("hint", f"      {clean(line)}") for line in more]
    return lines
