"""`aws-run network s3-endpoint`: a free way to S3 for subnets of somebody's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aws_run.errors import UsageError
from aws_run.frozen import frozen
from aws_run.infra import s3_endpoint
from aws_run.lifecycle.context import AppContext


@frozen
class Made:
    """One VPC. `tables`: the route tables of the subnets; `makes`: some of them have no endpoint yet. `endpoint`: the
    id of what was made just now."""

    vpc: str
    tables: tuple[str, ...]
    makes: bool
    endpoint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def create(context: AppContext, subnets: Sequence[str], tags: Mapping[str, str], *, dry_run: bool) -> tuple[Made, ...]:
    """One endpoint for each VPC in which a route table has none. UsageError without a subnet."""
    if not subnets:
        raise UsageError("there are no subnets to give a way to S3", hint="name them with --subnets")
    done = []
    for one in s3_endpoint.plan(context.aws, subnets):
        made = s3_endpoint.create(context.aws, one, tags) if one.missing and not dry_run else ""
        tables = (*one.missing, *one.served)
        done.append(Made(vpc=one.vpc, tables=tables, makes=bool(one.missing), endpoint=made))
    return tuple(done)


def ours(context: AppContext) -> tuple[str, ...]:
    return tuple(identity for identity, _ in s3_endpoint.ours(context.aws))


def remove(context: AppContext) -> tuple[str, ...]:
    return s3_endpoint.remove(context.aws)
