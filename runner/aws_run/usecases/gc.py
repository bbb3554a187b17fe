"""`aws-run gc`: what the runs of all projects have in AWS, and the removal of what is over or past its deadline, and of
what projects without a run share."""

from __future__ import annotations

from aws_run.errors import AwsRunError
from aws_run.frozen import frozen
from aws_run.infra.remove import Removal
from aws_run.lifecycle import allowance, lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import leftovers
from aws_run.lifecycle.end.leftovers import Leftover
from aws_run.lifecycle.end.shared_leftovers import SharedLeftover, collect_shared, find_shared


@frozen
class Collected:
    """`refused`: what could not be listed or judged, a sentence each; the rest was dealt with all the same.
    `given_back`: how many runs that are over held something of the allowance."""

    leftovers: tuple[Leftover, ...]
    shared: tuple[SharedLeftover, ...]
    removed: tuple[Removal, ...]
    refused: tuple[str, ...]
    given_back: int = 0


def gc(context: AppContext, *, dry_run: bool = False) -> Collected:
    refused: list[str] = []
    listed = leftovers.find_leftovers(context, refused.append)
    removed = () if dry_run else leftovers.collect(context, listed)
    # After the runs: those whose time is over use nothing any more.
    shared = find_shared(context, refused.append)
    if not dry_run:
        removed += collect_shared(context, shared)
    given_back = 0
    if not dry_run:
        try:
            given_back = allowance.settle_ended(context, lookup.store(context))
        except AwsRunError as error:
            refused.append(f"the allowance could not be read: {error.message}")
    return Collected(leftovers=listed, shared=shared, removed=removed, refused=tuple(refused), given_back=given_back)
