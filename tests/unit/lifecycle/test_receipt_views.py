"""What a receipt says that it does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import spec

from aws_run.clock import iso
from aws_run.lifecycle.receipt_views import left_out
from aws_run.pricing.receipt import LEFT_OUT
from aws_run.runs.record import RateEntry, Record

GB = 1024**3
PRICE = RateEntry(item="nat-gateway-gb", unit="GB", usd="0.045", source="test", as_of="2026-01-01")


def record(*, attempts: int = 1, by_nat: bool = True, sent: int = 20 * GB) -> Record:
    asked = spec()
    hardware = replace(asked.offer.hardware, rates=(PRICE,) if by_nat else ())
    made = Record(
        run_id=asked.run_id,
        project="demo",
        account=asked.account,
        region=asked.region,
        created_at=iso(asked.created_at),
        deadline=iso(asked.deadline),
        hardware=hardware,
        inputs=({"label": "a", "bytes": sent}, {"label": "b"}),
    )
    for number in range(1, attempts + 1):
        made = made.with_attempt(number)
    return made


@pytest.mark.parametrize(
    ("attempts", "words"),
    [
        (1, "$0.9000 at least of the NAT gateway for 20.0 GiB of input"),  # 20 x 0.045
        (3, "$2.70 at least of the NAT gateway for 3 times 20.0 GiB of input"),
    ],
)
def test_the_input_that_came_through_a_nat_gateway_is_priced_beside_the_receipt(attempts: int, words: str) -> None:
    *general, nat = left_out(record(attempts=attempts))
    assert tuple(general) == LEFT_OUT
    assert nat.startswith(words), nat


def test_without_a_nat_gateway_or_input_there_is_nothing_to_add() -> None:
    assert left_out(record(by_nat=False)) == left_out(record(sent=0)) == LEFT_OUT
