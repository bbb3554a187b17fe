"""`@frozen`: what `@dataclass(frozen=True, kw_only=True)` makes, at a quarter of the time that it takes to import.

The standard library writes and compiles six methods for each class, about half a millisecond; with two hundred classes
that was a quarter of what a command spends before AWS answers. Here each class has only `__init__` of its own and
shares the other methods, which go by the fields. `fields`, `replace`, `asdict` and `field(…)` work as with any
dataclass.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(eq_default=True, kw_only_default=True, frozen_default=True, field_specifiers=(field,))
    def frozen(cls: type[T]) -> type[T]:
        """Makes `cls` a frozen dataclass whose fields are given by name.

        A field is set once, by `__init__`; any other assignment raises FrozenInstanceError.
        """

else:

    def frozen(cls):
        """Makes `cls` a frozen dataclass whose fields are given by name."""
        # Without a docstring of its own, the standard library would compute one from the signature.
        cls.__doc__ = cls.__doc__ or cls.__name__
        made = dataclass(kw_only=True, eq=False, repr=False)(cls)
        made._compared = _values_of(each.name for each in fields(made) if each.compare)
        made._hashed = _values_of(
            each.name for each in fields(made) if (each.compare if each.hash is None else each.hash)
        )
        for name, method in _METHODS.items():
            if name not in cls.__dict__:
                setattr(made, name, method)
        return made


def field_names(cls: type) -> frozenset[str]:
    """The names of the fields of a frozen class."""
    return frozenset(each.name for each in fields(cls))


def _values_of(names: Iterable[str]) -> Any:
    """A getter of the tuple of these fields' values."""
    given = tuple(names)
    if len(given) > 1:
        return attrgetter(*given)
    return staticmethod(lambda value: tuple(getattr(value, name) for name in given))


def _set(self: Any, name: str, value: object) -> None:
    kept = self.__dict__
    if name in kept or name not in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    kept[name] = value


def _delete(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _equal(self: Any, other: Any) -> Any:
    if self.__class__ is not other.__class__:
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _hash(self: Any) -> int:
    return hash(self._hashed(self))


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


_METHODS = {
    "__setattr__": _set,
    "__delattr__": _delete,
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _repr,
}
