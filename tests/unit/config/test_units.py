"""Durations, sizes, vCPU, GPUs and money as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.config import units

PARSERS: list[Callable[[object], object]] = [
    units.duration_s,
    units.size_mib,
    units.disk_gib,
    units.cpu,
    units.gpu,
    units.money_usd,
    lambda value: units.whole_number(value, 0, 10),
]


def said_by(parse: Callable[[object], object], value: object) -> str:
    """The sentence it was refused with; empty when it was taken."""
    try:
        parse(value)
    except ValueError as error:
        return str(error) or "nothing"
    return ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("45s", 45),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("1d2h3m4s", 93_784),
        ("0", 0),
        (0, 0),
        ("2H", 7200),
    ],
)
def test_a_duration_is_read_in_seconds(text: object, seconds: int) -> None:
    assert units.duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "2 hours", "-5", "-5m", "30m1h", "5m5m", "1h30", "1.5", "2w", "٣h", "1e3", None]
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 7d, 2h, 90m, 1h30m or 45s"):
        units.duration_s(text)


@pytest.mark.parametrize("value", ["30", 30, "3600"])
def test_a_duration_without_a_unit_is_refused_with_what_it_may_mean(value: object) -> None:
    with pytest.raises(ValueError, match=f"has no unit; write {value}s, {value}m or {value}h"):
        units.duration_s(value)


@given(st.integers(0, 365), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h{minutes}m{seconds}s"
    assert units.duration_s(text) == days * 86_400 + hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "mib", "at_least"),
    [
        ("16GB", 16_384, False),
        ("16GiB", 16_384, False),
        ("16G", 16_384, False),
        ("16 GB", 16_384, False),
        ("16gb", 16_384, False),
        ("512MB", 512, False),
        ("1.5GB", 1536, False),
        ("1TB", 1_048_576, False),
        ("16GB+", 16_384, True),
        ("512M+", 512, True),
    ],
)
def test_gb_and_gib_are_the_same_1024_mib(text: str, mib: float, at_least: bool) -> None:
    assert units.size_mib(text) == (mib, at_least)


def test_a_size_without_a_unit_is_refused_because_nobody_agrees_on_it() -> None:
    with pytest.raises(ValueError, match=re.escape('"16" has no unit; write 16GB or 16MB')):
        units.size_mib("16")


@pytest.mark.parametrize("text", ["", "GB", "16XB", "-1GB", "1e3GB", "16KB", "16GB++", "+16GB", "16GBi", "nanGB"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write 16GB"):
        units.size_mib(text)


@pytest.mark.parametrize("text", ["0GB", "99999999999TB"])
def test_a_size_nobody_sells_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is out of range"):
        units.size_mib(text)


@pytest.mark.parametrize(("text", "gib"), [("100GB", 100), ("1TB", 1024), ("1.5GB", 2), ("512MB", 1)])
def test_a_disk_is_whole_gib_rounded_up(text: str, gib: int) -> None:
    assert units.disk_gib(text) == gib


def test_a_disk_has_one_size() -> None:
    with pytest.raises(ValueError, match="write it without the"):
        units.disk_gib("100GB+")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4", (4, False)), (4, (4, False)), ("4+", (4, True)), ("0.25", (0.25, False)), ("4 +", (4, True))],
)
def test_cpu_is_exact_or_at_least(text: object, expected: tuple[float, bool]) -> None:
    assert units.cpu(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("L4:1", ("L4", 1)), ("l4", ("L4", 1)), ("2", (None, 2)), (1, (None, 1)), ("any:4", (None, 4)), ("0", (None, 0))],
)
def test_a_gpu_is_a_model_a_number_or_both(text: object, expected: tuple[str | None, int]) -> None:
    assert units.gpu(text) == expected


@pytest.mark.parametrize("text", ["", "L4:", ":1", "L4:x", "L4:-1", "1:L4", "L 4", "L4:1:2", "L4:100", "17", "L4:0"])
def test_what_is_no_gpu_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'"{text}"')):
        units.gpu(text)


@pytest.mark.parametrize(("text", "usd"), [("5.00", 5.0), ("$5", 5.0), (5, 5.0), (1.5, 1.5), ("0.0001", 0.0001)])
def test_money_is_usd(text: object, usd: float) -> None:
    assert units.money_usd(text) == usd


@pytest.mark.parametrize("text", ["0", "0.00", "-1", "free", "", "5 EUR", "nan", "inf", "1e9", "5,00"])
def test_money_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount in USD|more than 0"):
        units.money_usd(text)


@pytest.mark.parametrize("parse", PARSERS)
@given(value=st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans()))
def test_whatever_is_given_is_a_value_or_a_sentence_of_ours(parse: Callable[[object], object], value: object) -> None:
    sentence = said_by(parse, value)
    assert "could not convert" not in sentence
    assert "invalid literal" not in sentence


PATTERNS: list[tuple[str, Callable[[object], object]]] = [
    (units.DURATION_PATTERN, units.duration_s),
    (units.SIZE_OR_MORE_PATTERN, units.size_mib),
    (units.SIZE_PATTERN, units.disk_gib),
    (units.CPU_PATTERN, units.cpu),
    (units.GPU_PATTERN, units.gpu),
    (units.MONEY_PATTERN, units.money_usd),
]
# The schema tells shapes; how much is too much is said by the tool.
_RANGE = re.compile(r"out of range|more than|at most|0 GPUs of a model|too long for a job")


@pytest.mark.parametrize(("pattern", "parse"), PATTERNS, ids=[parse.__name__ for _, parse in PATTERNS])
@given(data=st.data())
def test_what_the_schema_lets_through_the_parser_understands(
    pattern: str, parse: Callable[[object], object], data: st.DataObject
) -> None:
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)).rstrip("\n")
    sentence = said_by(parse, text)
    assert not sentence or _RANGE.search(sentence)


@given(st.text(alphabet="0123456789.dhms+GMTBi:L$ ", max_size=8))
def test_what_the_parser_takes_the_schema_lets_through(text: str) -> None:
    for pattern, parse in PATTERNS:
        # The schema is for files; surrounding and inner blanks are a courtesy of the command line.
        assert said_by(parse, text) or re.fullmatch(pattern, text.replace(" ", ""), re.ASCII | re.IGNORECASE), (
            parse.__name__,
            text,
        )
