"""Whether there is such a region: botocore makes an address of any text, and nobody answers at most of them."""

from __future__ import annotations

from typing import Any

from aws_run.errors import UsageError


def refuse_unknown_region(session: Any, region: str | None) -> None:
    """UsageError for a region that this machine's botocore does not know; none at all is somebody else's trouble.
    `session`: botocore's; what it reads for this is what its first client reads."""
    if region is None:
        return
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("ec2", partition_name=partition)
    ]
    if region in known:
        return
    import difflib

    close = difflib.get_close_matches(region.lower(), known, 2)
    meant = f"did you mean {' or '.join(close)}? " if close else "for example us-east-1; "
    raise UsageError(
        f"There is no region {region}",
        hint=f"{meant}One that is newer than this machine's botocore needs: pip install -U botocore",
    )
