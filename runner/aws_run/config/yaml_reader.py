"""YAML text → nodes, read from the parser's events.

`yaml.safe_load` loses three things that are needed: the line of a value, keys that are given twice, and the text as
written (`python: 3.10` would become 3.1, `HF: 1.0` "1.0" only by luck). Anchors, tags and depth are refused, so no
small file can grow in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from aws_run.config.where import in_file, refusal
from aws_run.config.yamlfile import Mapping, Node, Scalar, Sequence
from aws_run.errors import ConfigError

MAX_DEPTH = 8


def read_document(text: str, shown: str) -> Node | None:
    """The one document of `text`; None when it is empty. ConfigError, which names the line, where it can't be read."""
    try:
        return _Reader(shown, yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = in_file(shown, mark.line + 1 if mark else None)
        raise refusal(where, f"{_what_is_wrong(error)}") from error
    except yaml.YAMLError as error:
        raise refusal(in_file(shown), f"not YAML: {str(error).splitlines()[0]}") from error


def _what_is_wrong(error: yaml.MarkedYAMLError) -> str:
    # `exclude: [*.tmp]` is a common mistake, and the scanner's own message does not help.
    if error.context in {"while scanning an alias", "while scanning an anchor"}:
        return 'a value that begins with * or & must be in quotes, like "*.tmp"'
    if r"'\t'" in (error.problem or ""):
        return "a line begins with a tab; YAML takes spaces alone there"
    return f"not YAML: {error.problem or error.context}"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reader:
    def __init__(self, shown: str, events: Iterator[yaml.Event]) -> None:
        self._shown = shown
        self._events = events

    def document(self) -> Node | None:
        top: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and top is not None:
                raise self._error(event, "a second document starts here; only one is read")
            if isinstance(event, yaml.NodeEvent):
                top = self._node(event, "", 0)
        return top

    def _node(self, event: yaml.Event, key: str, depth: int) -> Node:
        self._refuse(event, depth)
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(text=event.value, quoted=event.style is not None, line=line)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(event, f"{key}[{len(items)}]", depth + 1))
            return Sequence(items=tuple(items), line=line)
        return self._mapping(key, depth, line)

    def _mapping(self, key: str, depth: int, line: int) -> Mapping:
        items: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._refuse(event, depth)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a word")
            name = event.value
            inner = f"{key}.{name}" if key else name
            if name in items:
                raise self._error(event, f"{inner}: given twice (first on line {key_lines[name]})")
            key_lines[name] = _line(event)
            items[name] = self._node(next(self._events), inner, depth + 1)
        return Mapping(items=items, key_lines=key_lines, line=line)

    def _refuse(self, event: yaml.Event, depth: int) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._error(event, "anchors (&) and aliases (*) are not read here; write the value out, or quote it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._error(event, f"the tag {tag} is not read here")
        if depth > MAX_DEPTH:
            raise self._error(event, "nested too deep")

    def _error(self, event: yaml.Event, sentence: str) -> ConfigError:
        return refusal(in_file(self._shown, _line(event)), f"{sentence}")
