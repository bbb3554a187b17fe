"""The S3 engine: a plan in, events out. Standard library only, Python 3.9 and later, the same on both sides.

`push_folder` makes a prefix and its manifest say what a folder holds; `pull_manifest` makes a folder hold what a
manifest says; `get_object` and `put_object` move single documents. All take a `Bucket` and raise `EngineError`s.
"""

from __future__ import annotations

from .credentials import RefreshingSource, StaticSource, from_environment
from .errors import (
    BarredError,
    BusyError,
    ChangedError,
    CorruptError,
    DiskFullError,
    EngineError,
    ManifestError,
    NetworkError,
    NoCredentialsError,
    NoManifestError,
    PathError,
    S3Error,
    TooLargeError,
)
from .loop import Bucket
from .objects import Stored, get_object, put_object
from .pull import Wanted, pull_manifest, pull_manifests
from .push import push_folder
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
    Skipped,
    Source,
    Unchecked,
)

__all__ = [
    "BarredError",
    "Bucket",
    "BusyError",
    "ChangedError",
    "CorruptError",
    "CredentialSource",
    "Credentials",
    "DiskFullError",
    "EngineError",
    "EngineEvent",
    "Entry",
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
    "S3Error",
    "Skipped",
    "Source",
    "StaticSource",
    "Stored",
    "TooLargeError",
    "Unchecked",
    "Wanted",
    "from_environment",
    "get_object",
    "pull_manifest",
    "pull_manifests",
    "push_folder",
    "put_object",
]
