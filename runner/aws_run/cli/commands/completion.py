"""`aws-run completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from aws_run.cli.help_text import WholeSentences
from aws_run.cli.say import say
from aws_run.errors import AwsRunError, UsageError

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_AWS_RUN_COMPLETE"


@click.group(cls=WholeSentences)
def completion() -> None:
    """Complete commands and options in bash, zsh and fish."""


@completion.command()
@click.argument("shell", type=click.Choice(SHELLS))
def show(shell: str) -> int:
    """Print the script that SHELL has to read."""
    click.echo(script(shell))
    return 0


@completion.command()
@click.argument("shell", required=False, type=click.Choice(SHELLS))
def install(shell: str | None) -> int:
    """Put the script where SHELL (default: that of $SHELL) looks for it."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise UsageError(f"{shell or 'the shell'!r} is none of {', '.join(SHELLS)}", hint="name one of them")
    target = place(shell, os.environ, Path.home())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{script(shell)}\n", encoding="utf-8")
    except OSError as error:
        raise AwsRunError(f"{target} could not be written: {error.strerror}") from error
    say(f"wrote {target}; the next {shell} reads it")
    if shell == "bash":
        say(f"if it does not (it needs the package bash-completion): put `. {target}` into ~/.bashrc")
    if shell == "zsh":
        say(f"if it does not: put `fpath=({target.parent} $fpath)` before `compinit` in ~/.zshrc")
    return 0


def script(shell: str) -> str:
    """The text that SHELL reads; it asks `aws-run` itself at each completion."""
    from aws_run.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    return kind(cli, {}, "aws-run", _VARIABLE).source()


def place(shell: str, environ: os._Environ[str] | dict[str, str], home: Path) -> Path:
    """Where the shell looks by itself (bash-completion, fish), or is usually told to (zsh)."""
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "aws-run",
        "zsh": home / ".zfunc" / "_aws-run",
        "fish": config / "fish" / "completions" / "aws-run.fish",
    }[shell]
