"""What helps where click refuses a command line."""

from __future__ import annotations

import click


def hint_of(error: click.ClickException) -> str | None:
    """Where a command starts a script, an option that it does not know may be the script's. None: click's words are
    all there is to say."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if not isinstance(error, click.NoSuchOption) or context is None:
        return None
    if not any(parameter.name == "args" for parameter in context.command.params):
        return None
    if context.command.name == "exec":
        return f"what runs in the container goes after `--`: `{context.command_path} -- COMMAND {error.option_name}`"
    return f"options of the job's own script go after `--`: `{context.command_path} … -- {error.option_name}`"
