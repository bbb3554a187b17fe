"""The S3 engine: a plan in, events out. Standard library only, Python 3.9 and later, the same on both sides.

`push_folder` makes a prefix and its manifest say what a folder holds; `pull_manifest` makes a folder hold what a
manifest says; `get_object` and `put_object` move single documents; `BucketReader` looks at buckets of others. All take
a `Bucket` and raise `EngineError`s. Whoever is not of this package imports from here alone (`test_imports`).
"""

from __future__ import annotations

from .credentials import RefreshingSource, StaticSource, from_environment
from .endpoint import aws_url
from .errors import (
    BarredError,
    BusyError,
    ChangedError,
    CorruptError,
    DiskFullError,
    EngineError,
    KeyTooLongError,
    LinkError,
    ManifestError,
    NetworkError,
    NoCredentialsError,
    NoManifestError,
    PathError,
    S3Error,
    TooLargeError,
    UnwritableError,
)
from .listing import BucketReader, ListedObject, hides_versions
from .loop import Bucket
from .manifest import entries as manifest_entries
from .manifest import from_entries as encode_manifest
from .objects import Stored, get_object, put_object
from .paths import OUR_OWN, PART_PREFIX, Root, check_key, check_relative, folded
from .pull import Wanted, pull_manifest, pull_manifests
from .push import push_folder
from .retry import worth_retrying
from .scan import scan_folder, sort_key
from .values import (
    Credentials,
    CredentialSource,
    EngineEvent,
    Entry,
    OnEvent,
    Progress,
    Pulled,
    Pushed,
    Retried,
    ScannedFile,
    Skipped,
    Source,
    Unchecked,
)

__all__ = [
    "OUR_OWN",
    "PART_PREFIX",
    "BarredError",
    "Bucket",
    "BucketReader",
    "BusyError",
    "ChangedError",
    "CorruptError",
    "CredentialSource",
    "Credentials",
    "DiskFullError",
    "EngineError",
    "EngineEvent",
    "Entry",
    "KeyTooLongError",
    "LinkError",
    "ListedObject",
    "ManifestError",
    "NetworkError",
    "NoCredentialsError",
    "NoManifestError",
    "OnEvent",
    "PathError",
    "Progress",
    "Pulled",
    "Pushed",
    "RefreshingSource",
    "Retried",
    "Root",
    "S3Error",
    "ScannedFile",
    "Skipped",
    "Source",
    "StaticSource",
    "Stored",
    "TooLargeError",
    "Unchecked",
    "UnwritableError",
    "Wanted",
    "aws_url",
    "check_key",
    "check_relative",
    "encode_manifest",
    "folded",
    "from_environment",
    "get_object",
    "hides_versions",
    "manifest_entries",
    "pull_manifest",
    "pull_manifests",
    "push_folder",
    "put_object",
    "scan_folder",
    "sort_key",
    "worth_retrying",
]
