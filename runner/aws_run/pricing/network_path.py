"""What the way to S3 costs: nothing over an internet gateway or a gateway endpoint, by the GB over a NAT gateway. Pure.

Input and image's layers lie in S3. What the job itself sends and fetches, and its output, are not known before.
"""

from __future__ import annotations

from decimal import Decimal

from aws_run.frozen import frozen
from aws_run.hints import command
from aws_run.pricing import offers
from aws_run.pricing.receipt import find, usd_of
from aws_run.runs.spec import Offer

_GB = Decimal(1024**3)  # AWS's bills count binary ones


@frozen
class NatCharge:
    """`usd` None: the price of a GB is not known here. `command`: what makes the way free."""

    gateway: str
    bytes: int
    usd: Decimal | None
    command: str


def gb_usd(usd_per_gb: Decimal, number_bytes: int) -> Decimal:
    return usd_per_gb * Decimal(number_bytes) / _GB


def nat_charge(offer: Offer, *, bytes_from_s3: int) -> NatCharge | None:
    """None where S3 is reached without a charge, and where nothing is known to come from there."""
    network = offer.network
    if not network.s3_by_nat or bytes_from_s3 <= 0:
        return None
    price = usd_of(find(offer.hardware.rates, offers.NAT_GB))
    subnets = ",".join(network.s3_by_nat)
    return NatCharge(
        gateway=network.nat_gateway,
        bytes=bytes_from_s3,
        usd=None if price is None else gb_usd(price, bytes_from_s3),
        command=command("network", "s3-endpoint", "--subnets", subnets),
    )
