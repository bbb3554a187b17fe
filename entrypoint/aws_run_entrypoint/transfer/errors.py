"""What can go wrong while files move. Messages name the file or key; the host side adds hints for people."""

from __future__ import annotations


class EngineError(Exception):
    """Files could not be moved."""


class PathError(EngineError):
    """A file or a name that is never sent or written: a device, a link that leaves the folder, `..` in a key."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path!r} {why}")
        self.path = path
        self.why = why


class LinkError(PathError):
    """A link that is not followed. `dangling`: it leads to nothing; `leaves`: out of the folder."""

    def __init__(self, path: str, why: str, *, dangling: bool = False, leaves: bool = False) -> None:
        super().__init__(path, why)
        self.dangling = dangling
        self.leaves = leaves


class KeyTooLongError(PathError):
    """S3 takes no key as long as this file's would be."""


class UnlistedError(PathError):
    """A folder that can't be listed: nobody knows what is in it. `within` is what all paths below it begin with."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path or ".", why)
        self.within = f"{path}/" if path else ""


class UnwritableError(PathError):
    """This machine refuses to write a file at that path: no right to, a disk that is mounted read-only."""


class CorruptError(EngineError):
    """Bytes arrived that are not the bytes that were sent, again and again."""


class ManifestError(EngineError):
    """A manifest is not one of aws-run, or is incomplete."""


class NoManifestError(EngineError):
    """There is none at that key."""


class TooLargeError(EngineError):
    """An object is larger than what is read into memory of its kind."""


class ChangedError(EngineError):
    """An object is not what it was when it was pinned."""


class NoCredentialsError(EngineError):
    """No AWS credentials were found, or the endpoint that gives them does not answer."""


class NetworkError(EngineError):
    """The server could not be reached or kept breaking off."""


class BarredError(NetworkError):
    """The way to the server is closed and stays so: a certificate that is not trusted, a proxy that refuses."""


class DiskFullError(EngineError):
    """The disk that files are written to is full."""


class BusyError(EngineError):
    """Another process writes the same file into the same folder."""


class S3Error(EngineError):
    """S3 refused. `code` is its own error code ("AccessDenied"), `status` the HTTP status."""

    def __init__(self, *, status: int, code: str, message: str, method: str, key: str) -> None:
        answer = f"{code}: {message}" if message else code
        super().__init__(f"S3 answered {status} to {method} {key or '/'!r}: {answer}")
        self.status = status
        self.code = code
        self.message = message
        self.method = method
        self.key = key

    @property
    def absent(self) -> bool:
        """The object is not there. A 403 is not a 404."""
        return self.status == 404 and self.code in ("NoSuchKey", "NoSuchVersion", "NotFound", "404", "")

    @property
    def conflict(self) -> bool:
        """Somebody else wrote first: the condition of a conditional put does not hold."""
        return self.status in (409, 412) or self.code in ("PreconditionFailed", "ConditionalRequestConflict")
