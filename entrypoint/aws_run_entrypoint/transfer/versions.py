"""Which versions below a prefix are current. The bucket's lifecycle removes those that are not, weeks later: a manifest
that pins one (two clients sent the same file at once, one was killed between a file and its manifest) works until then.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from . import s3_requests
from .errors import EngineError, S3Error
from .loop import Loop
from .values import Entry, OnEvent, Unchecked

# Path to the version that a GET gives which names none; None: there is one, nobody says which.
Current = Dict[str, Optional[str]]


def current_versions(loop: Loop, prefix: str, on_event: OnEvent) -> Optional[Current]:
    """None, with an `Unchecked`, where these credentials (or this server) don't list versions."""
    found: Current = {}
    here: Optional[Tuple[str, str]] = ("", "")
    while here is not None:
        try:
            page, after = s3_requests.listed_versions(loop.call(s3_requests.versions_page(prefix, here)))
        except S3Error as error:
            if error.status not in (403, 405, 501):
                raise
            on_event(Unchecked(prefix, error.code))
            return None
        if after == here:
            raise EngineError(f"S3's listing of the versions below {prefix!r} does not get on")
        found.update((key[len(prefix) :], version) for key, version in page)
        here = after
    return found


def current_names(loop: Loop, prefix: str) -> Current:
    found: Current = {}
    token: Optional[str] = None
    while True:
        page, token = s3_requests.listed(loop.call(s3_requests.list_page(prefix, token)))
        found.update((item.key[len(prefix) :], None) for item in page)
        if token is None:
            return found


def is_current(entry: Entry, current: Current) -> bool:
    """An entry without a version asks for none, so any will do; its sum tells whether it is the right one."""
    return entry.path in current and (entry.version_id is None or current[entry.path] in (None, entry.version_id))
