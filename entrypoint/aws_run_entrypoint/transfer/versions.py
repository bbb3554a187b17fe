"""Which versions below a prefix are current. The bucket's lifecycle removes those that are not, weeks later: a manifest
that pins one (two clients sent the same file at once, one was killed between a file and its manifest) works until then.
"""

from __future__ import annotations

from typing import Dict, Optional

from .errors import S3Error
from .listing import hides_versions, list_objects
from .loop import Loop
from .s3_requests import NULL_VERSION
from .values import Entry, OnEvent, Unchecked

# Path to the version that a GET gives which names none; None: there is one, nobody says which.
Current = Dict[str, Optional[str]]


def current_versions(loop: Loop, prefix: str, on_event: OnEvent) -> Optional[Current]:
    """None, with an `Unchecked`, where these credentials (or this server) don't list versions."""
    try:
        listed = list_objects(loop, prefix, versions=True)
        return {one.key[len(prefix) :]: one.version_id or NULL_VERSION for one in listed}
    except S3Error as error:
        if not hides_versions(error):
            raise
        on_event(Unchecked(prefix, error.code))
        return None


def current_names(loop: Loop, prefix: str) -> Current:
    return {one.key[len(prefix) :]: None for one in list_objects(loop, prefix, versions=False)}


def is_current(entry: Entry, current: Current) -> bool:
    """An entry without a version asks for none, so any will do; its sum tells whether it is the right one."""
    return entry.path in current and (entry.version_id is None or current[entry.path] in (None, entry.version_id))
