"""What runs have left in the account, by the cloud's own listings of each resource type."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError
from aws_run.infra.resource_types.base import Listing
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Kind, Ref
from aws_run.naming import run_of_name


def list_owned(
    aws: Aws, on_refused: Callable[[str], None] = lambda message: None, types: Registry = RESOURCE_TYPES
) -> list[Ref]:
    """Everything of run scope in this account and region; the tagging API misses three of these kinds (aws-facts §7).
    `on_refused` hears of each listing that AWS refused, by a sentence; the others are read all the same."""

    def listed(kind: Kind, listing: Listing) -> list[Ref]:
        try:
            return [Ref(kind=kind, name=name, scope="run") for name in listing.names(aws) if run_of_name(name)]
        except AwsCallError as error:
            on_refused(f"{listing.what} could not be listed: {error.message}")
            return []

    listings = [(each.kind, listing) for each in types for listing in each.list_owned]
    with ThreadPoolExecutor(max_workers=6, thread_name_prefix="gc") as pool:
        return [ref for refs in pool.map(lambda each: listed(*each), listings) for ref in refs]
