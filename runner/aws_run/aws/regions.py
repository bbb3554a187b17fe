"""Whether there is such a region: botocore makes an address of any text, and nobody answers at most of them."""

from __future__ import annotations

from typing import Any

from aws_run.errors import UsageError


def all_regions() -> frozenset[str]:
    """Those that this machine's botocore knows, without the ones that stand for no place."""
    import botocore.session

    return frozenset(name for name in known_regions(botocore.session.Session()) if not name.endswith("-global"))


def all_profiles() -> list[str]:
    """The profiles of this machine's AWS configuration; none where it can't be read."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        return list(botocore.session.Session().available_profiles)
    except BotoCoreError:
        return []


def known_regions(session: Any) -> frozenset[str]:
    """Of all partitions, and what stands for the services without one (`aws-global`). `session`: botocore's, which
    reads the same file for its first client."""
    document = session.get_component("data_loader").load_data("partitions")
    return frozenset(region for partition in document["partitions"] for region in partition["regions"])


def refuse_unknown_region(session: Any, region: str | None) -> None:
    """UsageError for a region that this machine's botocore does not know; none at all is somebody else's trouble."""
    if region is None:
        return
    known = known_regions(session)
    if region in known:
        return
    import difflib

    close = difflib.get_close_matches(region.lower(), sorted(known), 2)
    meant = f"did you mean {' or '.join(close)}? " if close else "for example us-east-1; "
    raise UsageError(
        f"There is no region {region}",
        hint=f"{meant}One that is newer than this machine's botocore needs: pip install -U botocore",
    )
