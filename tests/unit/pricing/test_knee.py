"""Where more money stops paying: the least product of time and cost, and what nothing beats."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.cli.commands.bench import arch_of, flags_of
from aws_run.errors import UsageError
from aws_run.pricing.knee import Measured, best, knee


def one(name: str, seconds: float, usd: str) -> Measured:
    return Measured(name=name, seconds=seconds, usd=Decimal(usd))


def test_twice_as_fast_for_half_as_much_again_is_worth_it_and_a_tenth_faster_for_twice_the_money_is_not() -> None:
    slow, good, dear = one("slow", 100, "1.00"), one("good", 50, "1.50"), one("dear", 45, "3.00")
    chosen = knee([dear, slow, good])
    assert chosen == good
    assert [each.name for each in best([slow, dear, good])] == ["dear", "good", "slow"]


def test_what_is_beaten_in_both_is_not_among_the_best() -> None:
    assert [each.name for each in best([one("a", 10, "1"), one("b", 11, "2"), one("c", 10, "1")])] == ["a", "c"]


def test_without_a_run_that_ended_well_there_is_no_knee() -> None:
    assert knee([]) is None
    assert best([]) == ()


@given(
    st.lists(
        st.builds(one, st.text(max_size=3), st.floats(min_value=0.1, max_value=1e5), st.decimals("0.0001", "99", places=4).map(str)),
        min_size=1,
    )
)  # fmt: skip
def test_the_knee_is_beaten_by_none(measured: list[Measured]) -> None:
    chosen = knee(measured)
    assert chosen is not None
    assert (chosen.seconds, chosen.usd) in {(each.seconds, each.usd) for each in best(measured)}


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("c7g.large", "arm64"), ("m6gd.xlarge", "arm64"), ("t4g.small", "arm64"), ("g5g.xlarge", "arm64"),
        ("c7gn.large", "arm64"), ("a1.large", "arm64"), ("x2gd.large", "arm64"), ("r8g.large", "arm64"),
        ("g6.xlarge", "x86_64"), ("m7i.large", "x86_64"), ("g4dn.xlarge", "x86_64"), ("c7i-flex.large", "x86_64"),
        ("p5.48xlarge", "x86_64"),
    ],
)  # fmt: skip
def test_the_architecture_is_in_the_types_name(name: str, arch: str) -> None:
    assert arch_of(name) == arch


def test_every_type_of_the_packaged_table_has_the_architecture_that_its_name_says() -> None:
    from aws_run.pricing import packaged

    assert [kind.name for kind in packaged.load().types if arch_of(kind.name) != kind.arch] == []


def test_an_offer_is_a_type_or_a_size() -> None:
    assert flags_of("fargate:0.5:2GB") == {"backend": "fargate", "cpu": "0.5", "memory": "2GB"}
    assert flags_of("c7g.large") == {"backend": "ec2", "instance_type": "c7g.large", "arch": "arm64"}
    for wrong in ("fargate", "large", "c7i large", "fargate:2", "--x"):
        with pytest.raises(UsageError, match="no EC2 type and no Fargate size"):
            flags_of(wrong)
