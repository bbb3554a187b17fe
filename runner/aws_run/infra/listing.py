"""What runs have left in the account, by the cloud's own listings of each resource type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError
from aws_run.infra.resource_types.base import Listing
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Kind, Ref
from aws_run.naming import project_of_shared, run_of_name


def list_owned(
    aws: Aws, on_refused: Callable[[str], None] = lambda message: None, types: Registry = RESOURCE_TYPES
) -> list[Ref]:
    """Everything of run scope in this account and region; the tagging API misses three of these kinds (aws-facts §7).
    `on_refused` hears of each listing that AWS refused, by a sentence; the others are read all the same."""
    listings = [(each.kind, listing) for each in types for listing in each.list_owned]
    return [
        Ref(kind=kind, name=name, scope="run") for kind, name in _names(aws, listings, on_refused) if run_of_name(name)
    ]


def list_shared(
    aws: Aws, on_refused: Callable[[str], None] = lambda message: None, types: Registry = RESOURCE_TYPES
) -> list[Ref]:
    """Everything that projects' runs share in this account and region. `on_refused`: as above."""
    region = aws.identity().region
    listings = [(each.kind, listing) for each in types for listing in each.list_shared]
    return [
        Ref(kind=kind, name=name, scope="shared")
        for kind, name in _names(aws, listings, on_refused)
        if project_of_shared(name, region)
    ]


def _names(
    aws: Aws, listings: list[tuple[Kind, Listing]], on_refused: Callable[[str], None]
) -> Iterator[tuple[Kind, str]]:
    def listed(kind: Kind, listing: Listing) -> list[tuple[Kind, str]]:
        try:
            return [(kind, name) for name in listing.names(aws)]
        except AwsCallError as error:
            on_refused(f"{listing.what} could not be listed: {error.message}")
            return []

    with ThreadPoolExecutor(max_workers=6, thread_name_prefix="gc") as pool:
        for names in pool.map(lambda each: listed(*each), listings):
            yield from names
