"""What a declarative setup.cfg asks for, read as text."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable

from aws_run.project.versions import normalized


def setup_cfg_lines(text: str, extras: Iterable[str] = ()) -> list[str]:
    """Lines of a requirements file; `file: a.txt` is a `-r` of that file. None of them where it can't be read."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error:
        return []
    wanted = {normalized(name) for name in extras}
    listed = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        listed += [value for name, value in parser.items("options.extras_require") if normalized(name) in wanted]
    return [line for value in listed for line in _lines(value)]


def _lines(value: str) -> list[str]:
    if value.strip().startswith("file:"):
        names = value.strip().removeprefix("file:")
        return [f"-r {name.strip()}" for name in re.split(r"[,\n]", names) if name.strip()]
    # One a line; in one line they are separated by semicolons.
    lines = value.splitlines() if "\n" in value.strip() else value.split(";")
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
