"""An error as lines: what happened, the details that the error carries, and what to do next."""

from __future__ import annotations

from aws_run.errors import AwsRunError, BuildError, DeclinedError, TeardownError
from aws_run.report.format import clean
from aws_run.report.wrapping import hanging


def render_error(error: AwsRunError, width: int | None = None) -> str:
    """Plain text, several lines, no line break at the end. Text from elsewhere in it is cleaned. `width`: of the
    terminal that it is for; None: its lines stay whole."""
    return "\n".join(text for _, text in error_lines(error, width))


def error_lines(error: AwsRunError, width: int | None = None) -> list[tuple[str, str]]:
    """(role, line): role is error, log, command or hint. Those of a log, which are somebody else's, and commands, which
    are copied, are as long as they are."""
    lines = _whole_lines(error)
    if width is None:
        return lines
    return [
        (role, part) for role, line in lines for part in (hanging(line, width) if role in ("error", "hint") else [line])
    ]


def _whole_lines(error: AwsRunError) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    first, *more = error.message.splitlines() or [type(error).__name__]
    if isinstance(error, DeclinedError):
        return [("log", clean(first)), *_hint_lines(error)]
    lines.append(("error", f"error: {clean(first)}"))
    lines += [("error", f"       {clean(line)}") for line in more]
    if isinstance(error, BuildError):
        lines += [("log", f"  | {clean(line)}".rstrip()) for line in error.log_tail]
    if isinstance(error, TeardownError) and error.commands:
        lines.append(("error", "to finish the job by hand:"))
        lines += [("command", f"  {clean(command)}") for command in error.commands]
    return [*lines, *_hint_lines(error)]


def _hint_lines(error: AwsRunError) -> list[tuple[str, str]]:
    if not error.hint:
        return []
    first, *more = error.hint.splitlines()
    return [("hint", f"hint: {clean(first)}"), *(("hint", f"      {clean(line)}") for line in more)]
