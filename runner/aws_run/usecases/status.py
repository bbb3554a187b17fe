"""`aws-run status`: one run, from its record and from the service that runs its task."""

from __future__ import annotations

from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_status import RunStatus, current_status, with_so_far


def status(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """A run that has ended with no client alive is finished here: its outcome noted, what it used removed."""
    return with_so_far(context, current_status(context, lookup.open_run(context, run, project)))
