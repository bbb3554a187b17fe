"""Values that the engine's modules hand to each other."""

from __future__ import annotations

import abc
from typing import Callable, List, NamedTuple, Optional, Sequence, Union

KIB = 1024
MIB = 1024 * KIB


class Credentials(NamedTuple):
    """`expires_at`: epoch seconds, None where they don't expire."""

    access_key: str
    secret_key: str
    token: Optional[str] = None
    expires_at: Optional[float] = None


class CredentialSource(abc.ABC):
    """Gives credentials that are good now. `get` is called before every request, so it must be cheap."""

    @abc.abstractmethod
    def get(self) -> Credentials: ...

    def invalidate(self) -> None:  # noqa: B027 - those that never expire have nothing to do
        """S3 refused the credentials as expired: the next `get` fetches new ones."""


class Entry(NamedTuple):
    """One line of a manifest. An empty folder's path ends with "/". `version_id` None: the bucket keeps no versions;
    what somebody else wrote there is then pinned by its `etag`. `crc32` None: it is not known beforehand."""

    path: str
    size: int
    mtime_ns: int
    mode: int
    crc32: Optional[int]
    version_id: Optional[str]
    etag: Optional[str] = None

    @property
    def is_dir(self) -> bool:
        return self.path.endswith("/")


class Source(NamedTuple):
    """Where a manifest's objects are, when they are not beside it. `owner` None: another account's, not known whose."""

    bucket: str
    region: str
    prefix: str
    owner: Optional[str]


class ScannedFile(NamedTuple):
    """A file (or empty folder, path ending with "/") as the scan saw it."""

    path: str
    size: int
    mtime_ns: int
    mode: int
    ctime_ns: int = 0  # when the kernel last saw a change of it, which no program can set

    @property
    def is_dir(self) -> bool:
        return self.path.endswith("/")


class Progress(NamedTuple):
    """So far and in all; totals count what has to move, not what is there already."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int


class Retried(NamedTuple):
    """A request is sent again. `why` is S3's code, or what the network reported."""

    key: str
    why: str
    attempt: int


class Skipped(NamedTuple):
    """A file was left out: refused, vanished, unreadable, still being written, or kept because it is newer here; on the
    way down, because this machine can't hold it."""

    path: str
    why: str


class Unchecked(NamedTuple):
    """The versions of the objects below `prefix` could not be listed. `why`: S3's code."""

    prefix: str
    why: str


EngineEvent = Union[Progress, Retried, Skipped, Unchecked]
OnEvent = Callable[[EngineEvent], None]


def ignore(event: EngineEvent) -> None:
    """For callers that want no events."""


class Pushed(NamedTuple):
    """`files`, `bytes`: the whole folder; `sent_*`: what had to move. `unchanged`: nothing was written at all."""

    files: int
    bytes: int
    sent_files: int
    sent_bytes: int
    deleted_files: int
    retries: int
    skipped: List[Skipped]
    manifest_version_id: Optional[str]
    unchanged: bool


class Pulled(NamedTuple):
    """`fetched_*`: what had to move; `skipped_files` were here already; `kept`: newer here, left alone; `size_only`: of
    those fetched, how many S3 has no sum of, so that only their size could be checked; `left_out`: what this machine
    can't hold, `no_room` of them because its disk is full."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    skipped_files: int
    retries: int
    kept: List[str]
    manifest_version_id: Optional[str]
    size_only: int = 0
    left_out: Sequence[Skipped] = ()
    no_room: int = 0
