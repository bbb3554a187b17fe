"""A frozen class is what the standard library's frozen dataclass of the same fields is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.frozen import field_names, frozen

T = TypeVar("T")


@frozen
class Ours:
    """A value."""

    number: int
    text: str = ""
    items: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    unknown: Mapping[str, str] = field(default_factory=dict, hash=False)
    secret: str = field(default="s3cret", repr=False)

    @cached_property
    def double(self) -> int:
        return self.number * 2


@dataclass(frozen=True, kw_only=True)
class Theirs:
    number: int
    text: str = ""
    items: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    unknown: Mapping[str, str] = field(default_factory=dict, hash=False)
    secret: str = field(default="s3cret", repr=False)


@frozen
class Nothing:
    pass


@frozen
class Wider(Ours):
    more: int = 0


_VALUES = st.fixed_dictionaries(
    {"number": st.integers(0, 2)},
    optional={
        "text": st.sampled_from(["", "a"]),
        "items": st.lists(st.integers(0, 1), max_size=2).map(tuple),
        "names": st.just({"a": "b"}),
        "unknown": st.sampled_from([{}, {"a": "b"}]),
        "secret": st.sampled_from(["x", "y"]),
    },
)


@given(_VALUES, _VALUES)
def test_it_compares_hashes_and_shows_as_the_standard_library_does(
    one: dict[str, object], other: dict[str, object]
) -> None:
    ours, theirs = [Ours(**values) for values in (one, other)], [Theirs(**values) for values in (one, other)]  # type: ignore[arg-type]
    assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])
    of_another_class: object = theirs[0]
    assert ours[0] != of_another_class
    assert hash(ours[0]) == hash(theirs[0])
    assert repr(ours[0]).removeprefix("Ours") == repr(theirs[0]).removeprefix("Theirs")
    assert "secret" not in repr(ours[0])
    assert asdict(ours[0]) == asdict(theirs[0])


def test_a_field_is_set_once() -> None:
    value = Ours(number=1)
    with pytest.raises(FrozenInstanceError):
        value.number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        value.other = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        del value.number
    assert (value.number, value.double) == (1, 2)


def test_fields_are_given_by_name_and_none_is_left_out() -> None:
    with pytest.raises(TypeError):
        Ours(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="number"):
        Ours()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="other"):
        Ours(number=1, other=2)  # type: ignore[call-arg]


def test_it_is_a_dataclass() -> None:
    value = replace(Ours(number=1), text="b")
    assert (value.number, value.text) == (1, "b")
    assert [each.name for each in fields(Ours)] == [each.name for each in fields(Theirs)]
    assert field_names(Wider) == {"number", "text", "items", "names", "unknown", "secret", "more"}
    assert Nothing() == Nothing()
    assert Wider(number=1) != Ours(number=1)
    assert len({Wider(number=1), Wider(number=1), Wider(number=1, more=1)}) == 2


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_it_can_be_copied_and_pickled(way) -> None:  # type: ignore[no-untyped-def]
    assert way(Ours(number=1, text="c")) == Ours(number=1, text="c")


NAN = float("nan")


@frozen
class OurOne(Generic[T]):
    only: T


@dataclass(frozen=True, kw_only=True)
class TheirOne(Generic[T]):
    only: T


@pytest.mark.parametrize("value", [1, "a", (), NAN])
def test_a_class_of_one_field_is_compared_as_the_standard_librarys(value: object) -> None:
    assert (OurOne(only=value) == OurOne(only=value)) == (TheirOne(only=value) == TheirOne(only=value)) is True
    assert hash(OurOne(only=value)) == hash(TheirOne(only=value))
