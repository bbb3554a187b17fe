"""What `submit` and `start` share: a run that this terminal follows, or leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from aws_run.cli import compose
from aws_run.cli.output_claim import claim_output
from aws_run.cli.output_memory import remember_fetched, remember_output
from aws_run.cli.say import question_lines, result, result_json, say
from aws_run.cli.target import Target
from aws_run.cli.terminals import on_a_terminal
from aws_run.errors import AwsRunError, InterruptedRunError, UsageError, sentence_of
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.hints import quoted, reaching

if TYPE_CHECKING:
    from aws_run.lifecycle.context import AppContext
    from aws_run.lifecycle.end.ending import SubmitResult
    from aws_run.report import Reporter
    from aws_run.report.views import OutcomeView, PlanView

# When the embedded AWS has ended with its run, `logs`, `explain` and `pull` have nothing to read.
_NEXT_TIME = 'eval "$(aws-run local start)"  # an embedded AWS that stays, for logs, explain and pull'


@frozen
class Terminal:
    """`as_json`: the result goes to stdout as JSON. `quiet`: nothing is told but failures, and the id of a run that
    goes on, without which nobody could come back to it."""

    reporter: Reporter
    target: Target
    as_json: bool
    quiet: bool = False

    def choose(self, *, terminal: bool | None = None) -> Literal["cancel", "detach"]:
        """On a terminal the user chooses; anywhere else (CI) an interrupt means cancel and clean up. An embedded AWS
        that this command started ends with it, so there is nothing to detach from. `terminal`: whether there is one to
        ask on; None: found out here."""
        if terminal is None:
            terminal = on_a_terminal()
        if self.target.ephemeral or not terminal:
            return "cancel"
        with self.reporter.pause():
            say("")
            try:
                answer = _prompt()
            except click.Abort:  # Ctrl-C at the question counts as the second one
                say("")  # the display goes on in a line of its own
                raise KeyboardInterrupt from None
        return "detach" if answer == "d" else "cancel"

    def plan_for(self, output: Path | None) -> Callable[[PlanView], None]:
        """Shows a plan. The run begins with it, so its folder is remembered from here on, unless its AWS ends with this
        command, when nothing can be fetched later."""

        def show(view: PlanView) -> None:
            if output is not None and not self.target.ephemeral:
                remember_output(view.run_id, output)
            self.reporter.plan(with_way_back(view, self.target))
            other = None if output is None else claim_output(output, view.run_id)
            if other is not None:
                text = f"{other} writes its results into {output} as well: of files with one name the later one stays"
                self.reporter.emit(Notice(text=text, level="warning", hint="give each run a folder of its own with -o"))

        return show

    def report(self, done: SubmitResult, context: AppContext) -> int:
        """Saves the run's report, then shows how it ended; the exit code. A fault of ours in the showing costs nobody
        the way back to the run."""
        from aws_run.usecases.saved_report import with_report

        try:
            return self._show(with_report(context, done, label=self.target.cost_label))
        except AwsRunError:
            raise
        except Exception as error:
            run = done.view.run_id
            raise AwsRunError(
                f"aws-run itself failed to show how {run} stands ({sentence_of(error)})",
                hint=quoted("status", run) + " tells; " + quoted("cleanup", run) + " ends it and removes what is left",
            ) from error

    def _show(self, done: SubmitResult) -> int:
        from aws_run.report.jsonlines import to_json

        if done.fetched and done.view.output_dir is not None and not self.target.ephemeral:
            remember_fetched(done.view.run_id, done.view.output_dir)
        outcome = with_next_commands(done.view, self.target)
        self.reporter.outcome(outcome if self.as_json else shown_on(self.target, outcome))
        if done.teardown_error is not None:
            self.reporter.error(self.target.lead_back(done.teardown_error))
        if self.as_json:
            result_json(to_json(outcome))
        elif self.quiet and outcome.goes_on:
            result(outcome.run_id)
        return done.exit_code


def refuse_detach_on_ephemeral(*, detach: bool, local: bool) -> None:
    if detach and local and not compose.embedded_is_running():
        raise UsageError(
            "--detach needs an embedded AWS that outlives this command", hint='start one: eval "$(aws-run local start)"'
        )


@contextmanager
def may_leave_something() -> Iterator[None]:
    """Around what starts a run. After a fault of ours in it nobody knows what there is."""
    try:
        yield
    except (AwsRunError, click.exceptions.Exit, click.ClickException, click.Abort):
        raise  # click.Abort: Ctrl-C, or no more input, at a question
    except Exception as error:
        raise AwsRunError(
            f"aws-run itself failed: {sentence_of(error)}",
            hint="run it again with --debug and report what it prints; "
            + quoted("gc")
            + " removes anything that is left",
        ) from error


@contextmanager
def without_cleanup_hint(target: Target) -> Iterator[None]:
    """An interrupted run on an ephemeral AWS leaves nothing to clean up."""
    try:
        yield
    except InterruptedRunError as error:
        if not target.ephemeral or error.hint is None:
            raise
        raise InterruptedRunError(
            "Interrupted; the embedded AWS ends with this command, and the run with it"
        ) from error


def shown_on(target: Target, view: OutcomeView) -> OutcomeView:
    """What is true for people who ran it there: no links to AWS's console from an embedded AWS, and no word of what
    stays in one that ends with this command."""
    if not target.embedded:
        return view
    view = without_links(view)
    if not target.ephemeral:
        return view
    failed = tuple(row for row in view.left.rows if row.state == "failed") if view.left is not None else ()
    return replace(view, s3_uri=None, kept_days=None, left=replace(view.left, rows=failed) if view.left else None)


def without_links(view: OutcomeView) -> OutcomeView:
    """For people: the console of AWS itself shows nothing of an embedded one."""
    left = view.left
    if left is not None:
        left = replace(left, rows=tuple(replace(row, where="") for row in left.rows))
    return replace(view, console_url=None, report_url=None, left=left)


def with_way_back(view: PlanView, target: Target) -> PlanView:
    """The commands of a plan reach the AWS that it was made for."""

    def led(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(reaching(line, target.flag) for line in lines)

    view = replace(view, estimate=led(view.estimate), notes=led(view.notes), short_notes=led(view.short_notes))
    view = replace(view, destroy_command=f"{view.destroy_command}{target.flag}")
    price = view.price
    if price is None or price.network is None:
        return view
    network = replace(price.network, command=reaching(price.network.command, target.flag))
    return replace(view, price=replace(price, network=network))


def led_back(done: SubmitResult, target: Target) -> SubmitResult:
    """How a run ended, with commands that reach the AWS that it was on."""
    if done.teardown_error is not None:
        target.lead_back(done.teardown_error)
    return replace(done, view=with_next_commands(done.view, target))


def with_next_commands(view: OutcomeView, target: Target) -> OutcomeView:
    """The next commands must reach the AWS that the run was on; an ephemeral one will be gone."""
    if target.ephemeral:
        return replace(view, next_commands=(_NEXT_TIME,) if view.next_commands else ())
    return replace(
        view,
        next_commands=tuple(f"{command}{target.flag}" for command in view.next_commands),
        destroy_command=f"{view.destroy_command}{target.flag}",
    )


def _prompt() -> str:
    return str(
        click.prompt(
            question_lines(
                "Interrupted. [c]ancel the run, or [d]etach and let it finish? (Ctrl-C again leaves it as it is)"
            ),
            type=click.Choice(["c", "d"]),
            default="c",
            show_choices=False,
            err=True,
        )
    )
