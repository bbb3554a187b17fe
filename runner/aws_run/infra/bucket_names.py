"""What the account's bucket in a region is called."""

from __future__ import annotations

import hashlib

from aws_run import naming
from aws_run.aws.session import Aws

_LETTERS = 16


def own_bucket(aws: Aws) -> str:
    """The name follows from the account and the region alone. In a region without namespaces of accounts, where
    whoever is first has a name, it follows from the account's canonical user id as well, which nobody can work out from
    its number (S3's guide, "Finding an AWS account's canonical user ID"): one call more, once a process."""
    identity = aws.identity()
    unguessable = ""
    if identity.region in naming.WITHOUT_NAMESPACE:
        seed = f"{aws.canonical_id()} {identity.account} {identity.region}"
        unguessable = hashlib.sha256(seed.encode()).hexdigest()[:_LETTERS]
    return naming.bucket_name(identity.account, identity.region, unguessable=unguessable)
