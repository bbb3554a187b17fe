"""`aws-run github`: what the GitHub Action and its workflows call."""

from __future__ import annotations

import click

from aws_run.cli.help_text import WholeSentences


@click.group(cls=WholeSentences)
def github() -> None:
    """What the GitHub Action calls; docs/github-action.md describes the action."""


@github.command()
def action() -> int:
    """One step of a workflow, from its inputs in the environment. It is interrupted when stdin ends."""
    from aws_run.cli.github.action import run_action

    return run_action()


@github.command("comment-gate")
def comment_gate() -> int:
    """Decide whether a pull request's comment may run its code, from the event and GitHub's API."""
    import os

    from aws_run.github.comments.entry import gate

    return gate(os.environ)


@github.command("comment-update")
@click.argument("state", type=click.Choice(["failed", "cancelled"]))
def comment_update(state: str) -> int:
    """Bring a run's comment to its end where the run could not do so itself."""
    import os

    from aws_run.github.comments.entry import update

    return update(os.environ, state)


@github.command()
def post() -> int:
    """Remove what a step that was cancelled or killed has left."""
    from aws_run.cli.github.post import run_post

    return run_post()
