"""--env-file: NAME=VALUE lines, as Docker and dotenv write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aws_run.errors import ConfigError

_MAX_BYTES = 256 * 1024


def read_env_file(path: Path, shown: str) -> Iterator[tuple[int, str, str | None]]:
    """(line, name, value); value None for a bare NAME, which is taken from the shell. No expansion of `$X`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"--env-file {shown}: can't be read: {error.strerror or error}") from error
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"--env-file {shown}: larger than {_MAX_BYTES // 1024} KB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"--env-file {shown}: not UTF-8 text") from error
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        yield number, name.strip(), _unquoted(value.strip()) if equals else None


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
