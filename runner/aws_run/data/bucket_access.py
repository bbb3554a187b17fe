"""Whose a bucket is, where it lies, and what of it these credentials can see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile

from aws_run.data.listing import Object, may_list_versions, objects
from aws_run.errors import TransferError, UsageError
from aws_run.s3uri import S3Uri
from aws_run_entrypoint.transfer import Bucket, S3Error, s3_requests
from aws_run_entrypoint.transfer.http1 import Request
from aws_run_entrypoint.transfer.loop import Loop

Take = Callable[[Iterable[Object], bool], None]  # objects, and whether they are just the one that the address names
OnPage = Callable[[int], None]


def read_listing(bucket: Bucket, uri: S3Uri, take: Take, on_page: OnPage) -> tuple[Bucket, bool]:
    """Hands the current objects to `take`, each time anew where a first way was no use. The bucket in its own region,
    and whether it is this account's.

    `bucket`: that of `uri` as this account would own it. UsageError: there is no such bucket. TransferError: no rights.
    """
    refused: S3Error | None = None
    for theirs, own in _ways(bucket, uri):
        with Loop(theirs) as loop:
            for versions in (True, False):
                try:
                    first = _taken(loop, uri, take, versions, on_page)
                    if own or first is None or first.version_id is None or _may_read_versions(loop, first):
                        return theirs, own
                except S3Error as error:
                    if versions and not may_list_versions(error):
                        continue
                    if error.status != 403:
                        raise
                    refused = error
    raise TransferError(
        f"{uri}: these credentials may not list the bucket {uri.bucket}",
        hint=f"s3:ListBucket on arn:aws:s3:::{uri.bucket} is needed, and s3:GetObject for the run; for another "
        "account's bucket its owner has to allow both",
    ) from refused


def _ways(bucket: Bucket, uri: S3Uri) -> list[tuple[Bucket, bool]]:
    """How the bucket may be asked: as this account's, or as another's. Both where S3 does not say, as to credentials
    that may list one prefix only."""
    foreign = bucket._replace(owner=None)
    for one, own in ((bucket, True), (foreign, False)):
        try:
            with Loop(one) as loop:
                region = loop.call(Request("HEAD", "")).headers.get("x-amz-bucket-region")
            return [(one._replace(region=region or one.region), own)]
        except S3Error as error:
            if error.status == 404:
                raise UsageError(f"{uri}: there is no bucket {uri.bucket}", hint="`aws s3 ls` lists yours") from error
            if error.status != 403:
                raise
    return [(bucket, True), (foreign, False)]


def _taken(loop: Loop, uri: S3Uri, take: Take, versions: bool, on_page: OnPage) -> Object | None:
    """What lies below the address; where there is nothing, the object that has that very name. The first of them."""
    firsts: list[Object] = []

    def noted(found: Iterable[Object]) -> Iterable[Object]:
        for one in found:
            if not firsts:
                firsts.append(one)
            yield one

    take(noted(objects(loop, uri.folder, versions=versions, on_page=on_page)), False)
    if not firsts and uri.key != uri.folder:
        # The name itself comes before all that begin with it.
        named = takewhile(lambda one: one.key == uri.key, objects(loop, uri.key, versions=versions, on_page=on_page))
        take(noted(named), True)
    return firsts[0] if firsts else None


def _may_read_versions(loop: Loop, one: Object) -> bool:
    """Buckets of others may show their versions and yet give out the current objects only."""
    try:
        loop.call(s3_requests.head(one.key, version_id=one.version_id))
    except S3Error as error:
        if error.status == 403:
            return False
        raise
    return True
