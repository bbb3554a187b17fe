"""The bucket: versioned, closed to the public, TLS only, encrypted, with a lifecycle; `kept`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from aws_run import partition
from aws_run.aws.absence import call_unless_gone
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, PreflightError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import ABSENT, Observation, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying

_GONE = {"NoSuchBucket", "404", "NotFound"}


_DAYS_TAG = "aws-run:runs-days"
_KEY_TAG = "aws-run:kms-key"


@frozen
class Bucket:
    kind: ClassVar[Kind] = Kind("bucket")
    scope: ClassVar[Scope] = "kept"
    name: str
    region: str
    runs_retention_days: int
    kms_key: str | None = None  # None: as it is, which at first is S3's own key
    tags: Mapping[str, str]


def config_digest(bucket: Bucket) -> str:
    """Without the days of retention: the bucket is the account's, and each of its projects may want others."""
    return tags.config_digest("bucket-2", bucket.name)


def is_current(current: Mapping[str, str], bucket: Bucket) -> bool:
    """`current`: the bucket's tags. Keeping results for longer than is wanted is no fault, nor is another project's key
    where this one wants none."""
    return (
        current.get(tags.CONFIG_TAG) == config_digest(bucket)
        and _days(current) >= bucket.runs_retention_days
        and bucket.kms_key in (None, current.get(_KEY_TAG))
    )


def _days(current: Mapping[str, str]) -> int:
    text = current.get(_DAYS_TAG, "")
    return int(text) if text.isdecimal() else 0


def observe(aws: Aws, bucket: Bucket) -> Observation:
    """By the bucket's tags, which tell what it was last brought to. The value is the ARN of its KMS key, if it has one.

    PreflightError where another project of the account wants another key.
    """
    current = owner_tags(aws, bucket.name)
    if current is None:
        return ABSENT
    key = _key(current, bucket)
    return Observation(present=True, current=is_current(current, bucket), value=key or "")


def _key(current: Mapping[str, str], bucket: Bucket) -> str | None:
    there = current.get(_KEY_TAG)
    if there and bucket.kms_key and there != bucket.kms_key:
        raise PreflightError(
            f"The bucket {bucket.name} is the account's and encrypted with {there}; {bucket.kms_key} is wanted",
            hint="name the same kms_key in all projects of the account, or in none",
        )
    return bucket.kms_key or there


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    """None when there is no bucket.

    Raises PreflightError when somebody else owns the name: every call sends ExpectedBucketOwner (aws-facts §12, 31).
    """
    owner = aws.identity().account
    try:
        answer = aws.call("s3", "get_bucket_tagging", Bucket=name, ExpectedBucketOwner=owner)
    except AwsCallError as error:
        if error.code in _GONE:
            return None
        if error.code == "NoSuchTagSet":
            return {}
        if error.code in DENIED:
            raise PreflightError(
                f"The bucket {name} belongs to another account, or this role may not read its tags",
                hint="check `aws sts get-caller-identity`; the role needs s3:GetBucketTagging on arun-*",
            ) from error
        raise
    return tags.parse(answer.get("TagSet"))


def create(aws: Aws, bucket: Bucket, clock: Clock) -> str:
    request: dict[str, Any] = {"Bucket": bucket.name}
    if bucket.name.endswith("-an"):
        request["BucketNamespace"] = "account-regional"
    if bucket.region != "us-east-1":
        request["CreateBucketConfiguration"] = {"LocationConstraint": bucket.region}
    try:
        retrying(
            lambda: aws.call("s3", "create_bucket", **request), when=on_codes("OperationAborted"), for_s=60, clock=clock
        )
    except AwsCallError as error:
        if error.code == "BucketAlreadyExists":
            raise PreflightError(f"The bucket name {bucket.name} is taken by another account") from error
        if error.code != "BucketAlreadyOwnedByYou":
            raise
    configure(aws, bucket, clock)
    return _arn(bucket)


def configure(aws: Aws, bucket: Bucket, clock: Clock) -> None:
    """Brings the bucket to what is wanted; the tags go last, so that a half-configured one is configured again.

    Another project's results are never kept for less long than it asked, and tags that others put there stay.
    """
    on = {"Bucket": bucket.name, "ExpectedBucketOwner": aws.identity().account}
    current = owner_tags(aws, bucket.name) or {}
    days = max(_days(current), bucket.runs_retention_days)
    key = _key(current, bucket)
    marks = {tags.CONFIG_TAG: config_digest(bucket), _DAYS_TAG: str(days), **({_KEY_TAG: key} if key else {})}
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("put_public_access_block", {"PublicAccessBlockConfiguration": dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
        ("put_bucket_encryption", {"ServerSideEncryptionConfiguration": {
            "Rules": [_encryption(key)]}}),
        ("put_bucket_policy", {"Policy": json.dumps(_tls_only(_arn(bucket)))}),
        ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": _lifecycle(days)}}),
        ("put_bucket_tagging", {"Tagging": {"TagSet": tags.upper({**current, **bucket.tags, **marks})}}),
    )  # fmt: skip
    for operation, parameters in steps:
        retrying(
            lambda operation=operation, parameters=parameters: aws.call("s3", operation, **on, **parameters),  # type: ignore[misc]
            when=on_codes("OperationAborted", "NoSuchBucket"),  # a bucket seconds old is not known everywhere
            for_s=30,
            clock=clock,
        )


def _encryption(key: str | None) -> dict[str, Any]:
    """With a bucket key S3 asks KMS once in a while, instead of once an object (S3's guide, "S3 Bucket Keys")."""
    if key is None:
        return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}


def _arn(bucket: Bucket) -> str:
    return partition.arn("s3", "", "", bucket.name, of=bucket.region)


def _tls_only(arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _lifecycle(runs_days: int) -> list[dict[str, Any]]:
    return [
        {
            "ID": "runs",
            "Status": "Enabled",
            "Filter": {"Prefix": "runs/"},
            "Expiration": {"Days": runs_days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
        },
        {
            "ID": "inputs",
            "Status": "Enabled",
            "Filter": {"Prefix": "inputs/"},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            # A run pins its input by version; none lasts longer than its timeout, at most 14 days.
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        },
        # Every mark that a run takes away leaves a version and a delete marker behind; nobody reads these.
        *(
            {
                "ID": folder,
                "Status": "Enabled",
                "Filter": {"Prefix": f"{folder}/"},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            }
            for folder in ("live", "leaving", "locks")
        ),
        {
            "ID": "unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
    ]


def delete(aws: Aws, name: str, clock: Clock) -> None:
    """Empties the bucket, every version of every object, and removes it. Only `destroy --everything` asks for this."""
    on = {"Bucket": name, "ExpectedBucketOwner": aws.identity().account}
    try:
        empty(aws, name)
        retrying(
            lambda: aws.call("s3", "delete_bucket", **on),
            when=on_codes("BucketNotEmpty", "OperationAborted"),
            for_s=60,
            clock=clock,
        )
    except AwsCallError as error:
        if error.code not in _GONE:
            raise


def empty(aws: Aws, name: str, prefix: str = "", wanted: Callable[[str], bool] = lambda key: True) -> None:
    """Removes every version of every object below `prefix` whose key is `wanted`, also of those that come meanwhile: it
    is looked through until nothing more is there. A thousand versions take two requests."""
    while _emptied_some(aws, name, prefix, wanted):
        pass


def _emptied_some(aws: Aws, name: str, prefix: str, wanted: Callable[[str], bool]) -> bool:
    """Whether one look through all of it has removed anything."""
    on = {"Bucket": name, "ExpectedBucketOwner": aws.identity().account}
    some, after = False, {}  # type: tuple[bool, dict[str, str]]
    while True:
        page = aws.call("s3", "list_object_versions", MaxKeys=1000, Prefix=prefix, **after, **on)
        entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        removable = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries if wanted(entry["Key"])
        ]
        if removable:
            some = True
            answer = aws.call("s3", "delete_objects", Delete={"Objects": removable, "Quiet": True}, **on)
            _refuse_leftovers(name, answer.get("Errors") or [])
        if not page.get("IsTruncated"):
            return some
        markers = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
        after = {marker: value for marker, value in markers.items() if value}


def _refuse_leftovers(name: str, errors: list[dict[str, Any]]) -> None:
    if errors:
        first = errors[0]
        raise AwsCallError(
            f"{first.get('Key')} in {name} could not be deleted: {first.get('Message')} ({first.get('Code')})",
            code=str(first.get("Code")),
            operation="DeleteObjects",
        )


def absent(aws: Aws, name: str) -> bool:
    owner = aws.identity().account
    return call_unless_gone(aws, _GONE, "s3", "head_bucket", Bucket=name, ExpectedBucketOwner=owner) is None


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws-run destroy --everything --region {region}",)  # every version of every object goes first


def console_link(name: str, region: str) -> str:
    return f"{partition.of_region(region).console(region)}/s3/buckets/{name}?region={region}"


TYPE = ResourceType(
    value=Bucket,
    scopes=("kept",),
    create=create,
    update=configure,
    observe=observe,
    delete=delete,
    absent=absent,
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    console_link=console_link,
    keep_as="bucket",
)
