"""Finds out who owns a bucket, in which region it lies, and what these credentials may list and read in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile

from aws_run.errors import TransferError, UsageError
from aws_run.partition import arn
from aws_run.s3uri import S3Uri
from aws_run_entrypoint.transfer import Bucket, BucketReader, ListedObject, S3Error, hides_versions

# Objects, and whether they are just the one that the address names.
Take = Callable[[Iterable[ListedObject], bool], None]
OnPage = Callable[[int], None]


def read_listing(bucket: Bucket, uri: S3Uri, take: Take, on_page: OnPage) -> tuple[Bucket, bool]:
    """Hands the current objects to `take`, from the start again where a first way of listing was refused. Returns the
    bucket in its own region, and whether this account owns it.

    `bucket`: that of `uri` as this account would own it. UsageError: there is no such bucket. TransferError: no rights.
    """
    refusal: S3Error | None = None
    for candidate, own in _candidates(bucket, uri):
        with BucketReader(candidate) as reader:
            for versions in (True, False):
                try:
                    first = _take_objects(reader, uri, take, versions=versions, on_page=on_page)
                    # Buckets of others may show their versions and yet give out the current objects only.
                    if own or first is None or first.version_id is None or reader.may_read(first):
                        return candidate, own
                except S3Error as error:
                    if versions and hides_versions(error):
                        continue
                    if error.status != 403:
                        raise
                    refusal = error
    raise TransferError(
        f"{uri}: these credentials may not list the bucket {uri.bucket}",
        hint=f"allow them s3:ListBucket on {arn('s3', '', '', uri.bucket, of=bucket.region)}, and s3:GetObject for the "
        "run; the owner of another account's bucket has to allow both as well",
    ) from refusal


def _candidates(bucket: Bucket, uri: S3Uri) -> list[tuple[Bucket, bool]]:
    """How the bucket may be addressed: as this account's, or as another's. Both where S3 does not tell, as to
    credentials that may list one prefix only."""
    foreign = bucket._replace(owner=None)
    for candidate, own in ((bucket, True), (foreign, False)):
        try:
            with BucketReader(candidate) as reader:
                return [(candidate._replace(region=reader.region() or candidate.region), own)]
        except S3Error as error:
            if error.status == 404:
                raise UsageError(f"{uri}: there is no bucket {uri.bucket}", hint="`aws s3 ls` lists yours") from error
            if error.status != 403:
                raise
    return [(bucket, True), (foreign, False)]


def _take_objects(
    reader: BucketReader, uri: S3Uri, take: Take, *, versions: bool, on_page: OnPage
) -> ListedObject | None:
    """What lies below the address; where there is nothing, the object that has that very name. The first of them."""
    first: ListedObject | None = None

    def noting_first(items: Iterable[ListedObject]) -> Iterable[ListedObject]:
        nonlocal first
        for item in items:
            first = first or item
            yield item

    take(noting_first(reader.objects(uri.folder, versions=versions, on_page=on_page)), False)
    if first is None and uri.key != uri.folder:
        # The name itself comes before all that begin with it.
        named = takewhile(lambda item: item.key == uri.key, reader.objects(uri.key, versions=versions, on_page=on_page))
        take(noting_first(named), True)
    return first
