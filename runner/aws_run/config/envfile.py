"""--env-file: NAME=VALUE lines, as Docker and dotenv write them.

Such files hold secrets, so messages name the file, the line number and the fault, and never repeat the line.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from aws_run.errors import ConfigError
from aws_run.project.files import UnreadableFileError, read_file

_MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_LINE = "a value has to stand on one line; put longer ones into a file of the input folder, or use `secrets:`"


def read_env_file(path: Path, shown: str) -> Iterator[tuple[int, str, str | None]]:
    """(line, name, value); value None for a bare NAME, which is taken from the shell. No expansion of `$X`."""
    try:
        text = _content(path, shown).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"--env-file {shown}: not UTF-8 text") from None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if _NAME.fullmatch(name) is None:
            raise ConfigError(f"--env-file {shown}:{number}: is not NAME=VALUE", hint=_ONE_LINE)
        if value[:1] in ("'", '"') and value.count(value[0]) == 1:
            raise ConfigError(f"--env-file {shown}:{number}: the quote is not closed on its line", hint=_ONE_LINE)
        yield number, name, _unquoted(value) if equals else None


def _content(path: Path, shown: str) -> bytes:
    try:
        if not _is_pipe(path):
            return read_file(path, max_bytes=_MAX_BYTES)
        # `--env-file <(…)`: a pipe of the user's own shell is not a file of the project.
        with path.open("rb") as handle:
            content = handle.read(_MAX_BYTES + 1)
    except UnreadableFileError as error:
        raise ConfigError(f"--env-file {shown}: {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"--env-file {shown}: can't be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"--env-file {shown}: is larger than {_MAX_BYTES // 1024} KiB")
    return content


def _is_pipe(path: Path) -> bool:
    """Whether it is a pipe that is already open in this process (`/dev/fd/63`, `/dev/stdin`), not one in a folder."""
    if not os.fspath(path).startswith(("/dev/fd/", "/dev/stdin", "/proc/self/fd/")):
        return False
    return stat.S_ISFIFO(path.stat().st_mode)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
