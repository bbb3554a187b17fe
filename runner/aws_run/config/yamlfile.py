"""aws-run.yaml → a tree of nodes that know their line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from aws_run.config.where import in_file, refusal
from aws_run.frozen import frozen
from aws_run.project.files import UnreadableFileError, read_file

MAX_BYTES = 256 * 1024


@frozen
class Scalar:
    """`text` as written; `quoted` texts are strings whatever they look like."""

    text: str
    quoted: bool
    line: int

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in {"", "~", "null", "Null", "NULL"}

    @property
    def boolean(self) -> bool | None:
        """YAML 1.2: true and false only, so that `yes`, `no` and `on` stay words."""
        if self.quoted or self.text.lower() not in {"true", "false"}:
            return None
        return self.text.lower() == "true"


@frozen
class Sequence:
    items: tuple[Node, ...]
    line: int


@frozen
class Mapping:
    """`items` in the file's order, keys unique; `key_lines` says where each key stands."""

    items: dict[str, Node]
    key_lines: dict[str, int]
    line: int


Node: TypeAlias = Scalar | Sequence | Mapping


def read_yaml(path: Path, shown: str) -> Mapping:
    """The file's top mapping; empty when the file is. `shown` is how messages name the file."""
    try:
        content = read_file(path, max_bytes=MAX_BYTES)
    except UnreadableFileError as error:
        raise refusal(in_file(shown), f"{error.reason}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refusal(in_file(shown, line), "not UTF-8 text") from error
    return parse_yaml(text, shown)


def parse_yaml(text: str, shown: str) -> Mapping:
    """The text's top mapping, empty when the text is. ConfigError, which names the line, where it has none."""
    from aws_run.config.yaml_reader import read_document  # few projects have such a file

    top = read_document(text, shown)
    if top is None or (isinstance(top, Scalar) and top.is_null):
        return Mapping(items={}, key_lines={}, line=1)
    if not isinstance(top, Mapping):
        raise refusal(in_file(shown, top.line), "must hold keys and values, like `name: segment`")
    return top
