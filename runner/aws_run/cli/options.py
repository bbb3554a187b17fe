"""Options that several commands share. What configures a run is made from `config`'s table, which has its help text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from aws_run.cli.completions import completer
from aws_run.cli.types import PATH, TEXT
from aws_run.config.option import ExtraFlag, Option
from aws_run.config.options import EXTRA_FLAGS, OPTIONS, extra_flag, option_of

F = TypeVar("F", bound=Callable[..., Any])

# In the table, but no run options: every command has the first three, and the last is no flag.
_ELSEWHERE = {"name", "region", "profile", "args"}


def _all(function: F, options: Iterable[Callable[[F], F]]) -> F:
    for option in reversed(list(options)):
        function = option(function)
    return function


def setting(option: Option) -> Callable[[F], F]:
    """The click option of a row of the table. Not given is None, or () for one that can be repeated."""
    names = [name for name in (option.short, option.long_flag, option.flag) if name]
    text = option.help
    if option.repeatable:
        text += " Repeatable."
    if option.default is not None:
        text += f"  [default: {option.default}]"
    if option.kind.schema == {"type": "boolean"}:
        return click.option(*names, is_flag=True, default=None, help=text)
    type_ = TEXT if option.kind.shape == "list" and not option.repeatable else None
    return click.option(
        *names,
        metavar=option.metavar,
        multiple=option.repeatable,
        type=type_,
        help=text,
        shell_complete=completer(option),
    )


def extra(flag: ExtraFlag, *, short: bool = True) -> Callable[[F], F]:
    """A flag beside the table. `short` False: its letter means something else in this command."""
    names = [name for name in (flag.short if short else None, flag.long_flag) if name]
    if flag.metavar is None:
        # Only what asks for trust reads its variable here: the loader reads all others, and names them in messages.
        variable = flag.env if flag.flag == "trust_project_file" else None
        return click.option(*names, flag.flag, is_flag=True, default=None, envvar=variable, help=flag.help)
    return click.option(*names, flag.flag, type=PATH, metavar=flag.metavar, help=flag.help)


def aws_options(function: F) -> F:
    """Which AWS to use: an account, a region, or the embedded AWS."""
    return _all(
        function,
        [
            setting(option_of("profile")),
            setting(option_of("region")),
            click.option("--local", is_flag=True, help="Use the embedded AWS instead of an account."),
            json_option,
            click.option("-v", "--verbose", is_flag=True, help="Show every resource, the whole plan and the receipt."),
            click.option(
                "--debug",
                is_flag=True,
                help="Show every AWS call but those that move files, and tracebacks of unexpected errors.",
            ),
        ],
    )


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")(function)


def detach_option(function: F) -> F:
    return click.option(
        "-d", "--detach", is_flag=True, help="Return as soon as AWS has accepted the task; `aws-run wait` follows it."
    )(function)


_QUIET = "Print only what the job prints (on stdout), and failures"


def quiet_option(function: F) -> F:
    return click.option("-q", "--quiet", is_flag=True, help=f"{_QUIET}.")(function)


def quiet_start_option(function: F) -> F:
    """For commands that start a run: one that is left running is found again by its id alone."""
    text = f"{_QUIET}; of a run that is left running (--detach) its id, on stdout."
    return click.option("-q", "--quiet", is_flag=True, help=text)(function)


def project_options(function: F) -> F:
    """Which project's configuration; -f is left to --follow here."""
    return _all(function, [setting(option_of("name")), extra(extra_flag("file"), short=False)])


def file_options(function: F) -> F:
    """Which project's configuration."""
    return _all(function, [setting(option_of("name")), extra(extra_flag("file"))])


def runtime_option(function: F) -> F:
    return click.option(
        "--runtime",
        type=click.Choice(["auto", "docker", "process"]),
        default="auto",
        help="How the embedded AWS runs tasks: in Docker containers, or as plain processes, which have all of this "
        "user's rights. auto: containers where a Docker engine answers.  [default: auto]",
    )(function)


# What of a run decides which hardware fits and what it costs.
OFFER_FLAGS = frozenset(
    {
        "backend", "cpu", "memory", "gpu", "disk", "arch", "instance_type", "spot_policy", "max_price", "subnets",
        "public_ip",
    }
)  # fmt: skip


def some_run_options(flags: frozenset[str]) -> Callable[[F], F]:
    """Those options of a run whose flags are named, in the order of the table."""

    def add(function: F) -> F:
        options: list[Callable[[F], F]] = []
        for option in OPTIONS:
            if option.flag in flags:
                options.append(setting(option))
                options += [extra(flag) for flag in EXTRA_FLAGS if flag.beside == option.flag]
        return _all(function, options)

    return add


def run_options(function: F) -> F:
    """Everything that configures a run, in the order of the table."""
    options: list[Callable[[F], F]] = []
    for option in OPTIONS:
        if option.flag is None or option.field in _ELSEWHERE:
            continue
        options.append(setting(option))
        options += [extra(flag) for flag in EXTRA_FLAGS if flag.beside == option.flag]
    return _all(function, [*options, runtime_option])
