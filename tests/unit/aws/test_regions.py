"""A region that there is not is refused before anything is asked there."""

from __future__ import annotations

import pytest

from aws_run.aws.session import Aws
from aws_run.errors import UsageError


@pytest.mark.parametrize(
    ("region", "meant"),
    [
        ("us-est-1", "us-east-1"),
        ("eu-west1", "eu-west-1"),
        ("EU-WEST-1", "eu-west-1"),
        ("mars", "for example us-east-1"),
    ],
)
def test_an_unknown_region_is_refused_with_what_was_meant(region: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        Aws(region=region)
    assert region in refused.value.message
    assert meant in str(refused.value.hint)


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1", "ap-south-2"])
def test_a_known_one_is_not(region: str) -> None:
    assert Aws(region=region).configured_region == region
