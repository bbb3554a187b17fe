"""Whether there is such a region: boto3 makes an address of any text, and nobody answers at most of them."""

from __future__ import annotations

import difflib

import boto3

from aws_run.errors import UsageError


def refuse_unknown_region(session: boto3.Session) -> None:
    """UsageError for a region that this machine's boto3 does not know; none at all is somebody else's trouble."""
    region = (session.region_name or "").strip()
    if not region:
        return
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("ec2", partition_name=partition)
    ]
    if region in known:
        return
    close = difflib.get_close_matches(region.lower(), known, 2)
    meant = f"did you mean {' or '.join(close)}? " if close else "for example us-east-1; "
    raise UsageError(
        f"There is no region {region}",
        hint=f"{meant}One that is newer than this machine's boto3 needs: pip install -U boto3",
    )
