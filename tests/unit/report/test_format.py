"""Numbers for people, and foreign text made safe to print."""

from __future__ import annotations

import unicodedata
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.report import format as fmt
from aws_run.report.format import adding_up


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("0.00001", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.04117", "$0.0412"),
        ("0.99994", "$0.9999"),
        ("0.99996", "$1.00"),
        ("1", "$1.00"),
        ("12.345", "$12.35"),
        ("1234567.8", "$1,234,567.80"),
        ("-0.5", "-$0.5000"),
        ("-0.00001", "-$0.0001"),
    ],
)
def test_money_has_four_decimals_under_a_dollar_and_two_above(amount: str, text: str) -> None:
    assert fmt.money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.0357", "$0.0357"), ("0.000111", "$0.000111"), ("2.5", "$2.50"), ("3", "$3.00"), ("0", "$0.00")],
)
def test_unit_prices_are_as_exact_as_price_lists(amount: str, text: str) -> None:
    assert fmt.unit_price(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("number", "text"), [("0.05330", "0.0533"), ("100", "100"), ("5.330", "5.33"), ("0.00001", "0")]
)
def test_quantities_have_no_zeros_behind(number: str, text: str) -> None:
    assert fmt.quantity(Decimal(number)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0, "0.0s"),
        (0.31, "0.3s"),
        (0.97, "1s"),
        (12.4, "12s"),
        (59.6, "1m 00s"),
        (72, "1m 12s"),
        (3600, "1h 00m"),
        (7500, "2h 05m"),
        (97_200, "1d 03h"),
    ],
)
def test_seconds_become_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert fmt.seconds(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (19_500_000, "18.6 MiB"),
        (123_456_789, "118 MiB"),
        (1 << 30, "1.0 GiB"),
    ],
)
def test_sizes_are_binary_and_say_so(number: int, text: str) -> None:
    assert fmt.size(number) == text


def test_counts_agree_with_their_noun() -> None:
    assert [fmt.count(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]
    assert fmt.count(2, "activity", "activities") == "2 activities"


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert fmt.aligned([["a", "", "bb"], ["ccc", "", ""]]) == ["a    bb", "ccc"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("\x1b]0;a new title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b]52;c;never ended", ""),
        ("\x1bcreset", "reset"),
        (" 10%|#   |\r 20%|##  |", " 20%|##  |"),
        ("windows\r\n", "windows"),
        ("two\nlines", "two lines"),
        ("a\x00b\x07c\x08d\x7fe", "abcde"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("Grüße \N{ROCKET} 日本", "Grüße \N{ROCKET} 日本"),
        ("[bold]brackets[/bold]", "[bold]brackets[/bold]"),
    ],
)
def test_foreign_text_has_no_power_over_the_terminal(text: str, shown: str) -> None:
    assert fmt.clean(text) == shown


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b[]m;?0123456789\x07\\\r\n\x9b\x90"))))
def test_cleaned_text_never_holds_a_control_character(text: str) -> None:
    shown = fmt.clean(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and c != "\t"]
    assert fmt.clean(shown) == shown


def shown_usd(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace(",", ""))


def test_two_amounts_whose_rounding_hides_the_sum_get_more_digits() -> None:
    assert adding_up([Decimal("0.002025"), Decimal("0.002025")]) == (["$0.002025", "$0.002025"], "$0.004050")
    assert adding_up([Decimal("1.234"), Decimal("4.564")]) == (["$1.2340", "$4.5640"], "$5.7980")


def test_nothing_stays_nothing_beside_amounts_with_more_digits() -> None:
    each, _ = adding_up([Decimal("0.002025"), Decimal("0.002025"), Decimal(0)])
    assert each[-1] == "$0.00"


def test_amounts_that_add_up_as_they_are_stay_as_everywhere_else() -> None:
    assert adding_up([Decimal("0.0020"), Decimal("1.5")]) == (["$0.0020", "$1.50"], "$1.50")
    assert adding_up([]) == ([], "$0.00")
    assert adding_up([Decimal("0.00001"), Decimal("0.25")]) == (["<$0.0001", "$0.2500"], "$0.2500")


@given(st.lists(st.decimals(min_value="0", max_value="2000", places=9), max_size=40))
def test_who_adds_up_what_is_shown_comes_to_the_total(amounts: list[Decimal]) -> None:
    each, total = adding_up(amounts)
    if any("<" in text for text in each):
        return  # a bound, and no amount
    sums = sum(map(shown_usd, each), Decimal(0))
    assert sums.quantize(shown_usd(total), ROUND_HALF_UP) == shown_usd(total)
    assert abs(shown_usd(total) - sum(amounts, Decimal(0))) <= Decimal("0.0051")
