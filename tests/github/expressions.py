"""GitHub's expressions, as far as this repository's files use them: `${{ a.b || 'c' }}`, `==`, `!=`, `&&`, `!`, functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<op>\|\||&&|==|!=|!|\(|\)|,)|(?P<name>[A-Za-z_][\w.-]*))"
)
_WHOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
Functions = Mapping[str, Callable[..., Any]]


def substitute(text: str, context: Mapping[str, Any], functions: Functions | None = None) -> str:
    """The text with each `${{ … }}` in the place of its value, as GitHub writes values into texts."""
    return _WHOLE.sub(lambda match: shown(evaluate(match[1], context, functions or {})), text)


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def evaluate(text: str, context: Mapping[str, Any], functions: Functions | None = None) -> Any:
    """ValueError for what is not understood: a key that is written wrongly must fail a test."""
    parser = _Parser(text, context, functions or {})
    value = parser.either()
    if parser.peek():
        raise ValueError(f"{text!r}: {parser.peek()!r} is not understood")
    return value


class _Parser:
    def __init__(self, text: str, context: Mapping[str, Any], functions: Functions) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._context = context
        self._functions = functions
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"{text!r} is not understood from {text[at:]!r} on")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def peek(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def _next(self) -> tuple[str, str]:
        return self._tokens.pop(0)

    def either(self) -> Any:
        value = self.both()
        while self.peek() == "||":
            self._next()
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.peek() == "&&":
            self._next()
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        value = self.single()
        while self.peek() in ("==", "!="):
            _, operator = self._next()
            same = shown(value).lower() == shown(self.single()).lower()  # GitHub ignores case
            value = same == (operator == "==")
        return value

    def single(self) -> Any:
        kind, token = self._next()
        if token == "!":
            return not self.single()
        if token == "(":
            value = self.either()
            assert self._next()[1] == ")"
            return value
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return int(token)
        if token in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token]
        if self.peek() == "(":
            return self._call(token)
        return self._looked_up(token)

    def _call(self, name: str) -> Any:
        self._next()
        given = []
        while self.peek() != ")":
            given.append(self.either())
            if self.peek() == ",":
                self._next()
        self._next()
        if name not in self._functions:
            raise ValueError(f"the function {name} is not known")
        return self._functions[name](*given)

    def _looked_up(self, path: str) -> Any:
        """What is missing below a known context is null, as on GitHub; an unknown context is a mistake."""
        first, *rest = path.split(".")
        if first not in self._context:
            raise ValueError(f"the context {first} is not known")
        value: Any = self._context[first]
        for part in rest:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value
