"""The `aws-run` command. Nothing heavy is imported here: a command's module comes in when it is called."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
import traceback
from typing import Any

import click

from aws_run import __version__
from aws_run.cli.file_names import in_utf8
from aws_run.cli.help_text import use_whole_words
from aws_run.cli.say import result_json, say
from aws_run.cli.usage_hints import hint_of
from aws_run.errors import EXIT_INTERRUPT, EXIT_TOOL, AwsRunError
from aws_run.streams import ResilientStream

_REPORT_IT = "repeat it with --debug and report what it prints"

# name -> (module, one line for --help), in the order in which a new user needs them.
COMMANDS: dict[str, tuple[str, str]] = {
    "submit": ("submit", "Run a project on AWS and fetch its results."),
    "plan": ("submit", "Show what a submit would create and cost."),
    "allowance": ("allowance", "How much runs may cost a day: set it, and see what is left."),
    "offers": ("offers", "Rank the hardware that fits a request by its price."),
    "bench": ("bench", "Compare time and cost of a sample on several machines."),
    "quota": ("quota", "How many vCPUs the account may use: have it raised."),
    "start": ("start", "Start a job that `submit --save-spec` saved, from anywhere."),
    "rerun": ("rerun", "Start a run once more, with other arguments if need be."),
    "init": ("init", "Write an aws-run.yaml for the project in a folder."),
    "check": ("check", "Check credentials, Docker, network, permissions and quotas."),
    "ps": ("ps", "List this project's runs; --all: those of all projects."),
    "status": ("status", "Show one run."),
    "logs": ("logs", "Show a run's log."),
    "attach": ("attach", "Follow a run, fetch its results, exit with its code."),
    "wait": ("wait", "Wait for a run to end; exit with its exit code."),
    "exec": ("exec", "Run a command, or a shell, in the container of a running job."),
    "pull": ("pull", "Fetch a run's outputs."),
    "open": ("open", "Open a run's results, task or log in AWS's console."),
    "explain": ("explain", "Say why a run failed or does not go on, and what helps."),
    "report": ("report", "Write a run's report as one HTML page."),
    "cost": ("cost", "Show what runs have cost."),
    "diff": ("diff", "Show in what two runs differ."),
    "cancel": ("cancel", "Stop a run and remove its resources."),
    "cleanup": ("cleanup", "Remove everything that belongs to one run."),
    "gc": ("gc", "Find and remove what ended runs left behind."),
    "destroy": ("destroy", "Remove a project's resources."),
    "iam-policy": ("iam_policy", "Print the least IAM policy that works."),
    "network": ("network", "A network for runs, in regions without a default VPC."),
    "config": ("config", "The configuration file: its JSON Schema."),
    "completion": ("completion", "Complete commands and options in bash, zsh and fish."),
    "local": ("local", "The embedded AWS, to try things without an account."),
    "github": ("github", "What the GitHub Action calls."),
}


use_whole_words()


class LazyGroup(click.Group):
    """Knows the name and help line of each command, and imports the command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"aws_run.cli.commands.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"There is no command {name!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="aws-run")
def cli() -> None:
    """Run a local Python project on AWS hardware of your choice, and leave nothing behind that costs money.

    \b
    aws-run submit . -i data -o out            on Fargate
    aws-run submit . -i data -o out --gpu L4:1 --spot
    aws-run submit . -i data -o out --local    without an AWS account

    Exit codes: the job's own; 2 usage or configuration; 124 deadline; 125 the tool or AWS; 130 interrupted.
    """


def main(argv: list[str] | None = None) -> None:
    """Tracebacks are shown only with AWS_RUN_DEBUG=1 or --debug."""
    if argv is None:
        in_utf8()
    gc.set_threshold(150_000, 20, 100)  # a tenth of a short command is the search for garbage in what it imports
    arguments = sys.argv[1:] if argv is None else argv
    debug = "--debug" in _own(arguments) or os.environ.get("AWS_RUN_DEBUG", "") not in ("", "0")
    signal.signal(signal.SIGTERM, _interrupt)
    _open_closed_streams()
    for name in ("stdout", "stderr"):
        setattr(sys, name, ResilientStream(getattr(sys, name)))
    code = _written(_run(arguments, debug))
    if argv is None:
        # Our threads may still be working, and after an interrupt nobody waits for them.
        if code == EXIT_INTERRUPT:
            _leave()
        # Another Ctrl-C while Python waits for threads ends the process without a traceback.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(EXIT_INTERRUPT))
    gc.freeze()  # or Python would look through all that it has imported once more before it ends
    sys.exit(code)


def _open_closed_streams() -> None:
    """Python has None for a stream that the shell has closed (`<&-`). Nobody reads or writes there all the same."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end


def _own(arguments: list[str]) -> list[str]:
    """The arguments before `--`; those after it are the script's."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _interrupt(_signum: int, _frame: Any) -> None:
    """SIGTERM is what CI sends; it means the same as Ctrl-C."""
    raise KeyboardInterrupt


def _leave() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(EXIT_INTERRUPT)


def _written(code: int) -> int:
    """The exit code, after the last write to stdout. A reader that has closed its end is not an error."""
    if sys.stdout is None:
        return code
    sys.stdout.flush()
    lost: OSError | None = getattr(sys.stdout, "lost", None)
    if lost is None or getattr(sys.stdout, "unread", False):
        return code
    say(f"error: the result could not be written to stdout: {lost.strerror}")
    return code or EXIT_TOOL


def _run(arguments: list[str], debug: bool, command: click.Command = cli) -> int:
    """The exit code; --debug only adds the traceback. With --json every failure is one JSON object."""
    as_json = "--json" in _own(arguments)
    try:
        result = command.main(args=arguments, prog_name="aws-run", standalone_mode=False)
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)  # with the usage line; it repeats what was typed, which in CI may come from a stranger
        _say_lines(shown.getvalue())
        hint = hint_of(error)
        if hint:
            say(f"hint: {hint}")
        if as_json:
            _print_json("UsageError", error.format_message(), hint, error.exit_code)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        if as_json:
            _print_json("InterruptedRunError", "interrupted", None, EXIT_INTERRUPT)
        return EXIT_INTERRUPT
    except AwsRunError as error:
        if debug:
            _say_lines(traceback.format_exc())
        _show(error, as_json=as_json)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: reported as a fault of aws-run
        if debug:
            _say_lines(traceback.format_exc())
        message, hint = f"aws-run itself failed: {type(error).__name__}: {error}", _REPORT_IT
        say(f"error: {message}")
        say(f"hint: {hint}")
        if as_json:
            _print_json(type(error).__name__, message, hint, EXIT_TOOL)
        return EXIT_TOOL
    return result if isinstance(result, int) else 0


def _say_lines(text: str) -> None:
    for line in text.splitlines():
        say(line)


def _show(error: AwsRunError, *, as_json: bool) -> None:
    from aws_run.report import make_reporter

    if as_json and not _result_printed():
        from aws_run.report.jsonlines import error_data

        result_json(error_data(error))
    make_reporter("auto").error(error)


def _print_json(kind: str, message: str, hint: str | None, code: int) -> None:
    if not _result_printed():
        result_json({"type": kind, "message": message, "hint": hint, "exit_code": code})


def _result_printed() -> bool:
    """If a command prints its JSON object and then fails, the failure is in that object."""
    return bool(getattr(sys.stdout, "used", False))
