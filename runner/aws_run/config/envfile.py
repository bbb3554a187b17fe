"""--env-file: NAME=VALUE lines, read as python-dotenv and docker compose read them: quotes, comments behind a value,
`export`, values of several lines.

Such files hold secrets, so messages name the file, the line number and the fault, and never repeat the line.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from aws_run.errors import ConfigError
from aws_run.project.files import UnreadableFileError, read_file

_MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_LINE = "a value of several lines stands in quotes; longer ones go into a file of the input folder, or `secrets:`"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_EXPORT = re.compile(r"^export[ \t]+")
_QUOTES = ("'", '"')
_MARKS = re.compile(r"\\(?P<escaped>.)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_MOST_LINES = 500


def read_env_file(path: Path, shown: str) -> Iterator[tuple[int, str, str | None]]:
    """(line, name, value); value None for a bare NAME, which is taken from the shell. `${NAME}` stands for a variable
    that the file itself has set above, and for nothing of the shell's. `shown` begins messages: `--env-file x.env`."""
    try:
        text = _content(path, shown).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{shown}: not UTF-8 text") from None
    yield from parse_env(text, shown)


def parse_env(text: str, shown: str) -> Iterator[tuple[int, str, str | None]]:
    """The same of a text that has been read."""
    lines = text.split("\n")
    values: dict[str, str] = {}
    number = 0
    while number < len(lines):
        begun = number + 1
        line = _EXPORT.sub("", lines[number].strip()).strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if _NAME.fullmatch(name) is None:
            raise ConfigError(f"{shown}:{begun}: is not NAME=VALUE", hint=_ONE_LINE)
        if value.startswith(_QUOTES):
            last = _closing(value, lines, number)
            if last is None:
                raise ConfigError(f"{shown}:{begun}: the quote is not closed", hint=_ONE_LINE)
            value = "\n".join([value, *(each.rstrip("\r") for each in lines[number:last])])
            number = last
            values[name] = _unquoted(value, values)
        elif equals:
            values[name] = _MARKS.sub(lambda match: _replaced(match, values), _without_comment(value))
        yield begun, name, values[name] if equals else None


def _replaced(match: re.Match[str], values: Mapping[str, str]) -> str:
    """A reference to what the file has set above; everything else stays as it is."""
    return values.get(match["name"], match[0]) if match["name"] else match[0]


def _closing(value: str, lines: list[str], following: int) -> int | None:
    """Where the lines of a quoted value end; None: nowhere."""
    if _ends(value[1:], value[0]):
        return following
    for place in range(following, min(len(lines), following + _MOST_LINES)):
        if _ends(lines[place].rstrip("\r"), value[0]):
            return place + 1
    return None


def _content(path: Path, shown: str) -> bytes:
    try:
        if not _is_pipe(path):
            return read_file(path, max_bytes=_MAX_BYTES)
        # `--env-file <(…)`: a pipe of the user's own shell is not a file of the project.
        with path.open("rb") as handle:
            content = handle.read(_MAX_BYTES + 1)
    except UnreadableFileError as error:
        raise ConfigError(f"{shown}: {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"{shown}: can't be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{shown}: is larger than {_MAX_BYTES // 1024} KiB")
    return content


def _is_pipe(path: Path) -> bool:
    """Whether it is a pipe that is already open in this process (`/dev/fd/63`, `/dev/stdin`), not one in a folder."""
    if not os.fspath(path).startswith(("/dev/fd/", "/dev/stdin", "/proc/self/fd/")):
        return False
    return stat.S_ISFIFO(path.stat().st_mode)


def _ends(text: str, quote: str) -> bool:
    """Whether the quote is closed on this line: nothing but a comment stands behind it."""
    return _end(text, quote) is not None


def _end(text: str, quote: str) -> int | None:
    place = -1
    while (place := text.find(quote, place + 1)) >= 0:
        before = text[:place]
        escaped = quote == '"' and (len(before) - len(before.rstrip("\\"))) % 2 == 1
        behind = text[place + 1 :]
        if not escaped and (not behind.strip() or (behind[0].isspace() and behind.lstrip().startswith("#"))):
            return place
    return None


def _unquoted(value: str, values: Mapping[str, str]) -> str:
    quote, text = value[0], value[1:]
    *inner, last = text.split("\n")
    end = _end(last, quote)
    text = "\n".join([*inner, last if end is None else last[:end]])
    if quote == "'":
        return text

    def plain(match: re.Match[str]) -> str:
        return _ESCAPES.get(match["escaped"], match[0]) if match["escaped"] else _replaced(match, values)

    return _MARKS.sub(plain, text)


def _without_comment(value: str) -> str:
    """` #` begins a comment, `abc#def` holds none."""
    return "" if value.startswith("#") else re.split(r"\s#", value, maxsplit=1)[0].rstrip()
