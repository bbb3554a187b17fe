"""What the project's scripts mention that decides on their image or hardware: pip, memory that processes share.

Read as text: a call of pip in a program that is made at run time is not seen, and `build: {pip: true}` says it then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from aws_run.image.sources.source import Source

_MAX_FILE_BYTES = 1 << 20
_MAX_BYTES = 64 << 20
_CALLS = {
    ".py": re.compile(
        r"""["']-m["']\s*,\s*["']pip["']"""  # [sys.executable, "-m", "pip", …]
        r"""|["']pip3?["']\s*,\s*["'](?:install|download)["']"""
        r"""|["'](?:\S*python3? -m )?pip3? install\b"""  # os.system("pip install …")
        r"""|^\s*(?:import pip|from pip\S* import)\b|\bspacy\.cli\.download\b|^\s*from spacy\.cli import""",
        re.MULTILINE,
    ),
    ".sh": re.compile(r"^\s*(?:\S*python3? -m )?pip3? install\b|\bspacy download\b", re.MULTILINE),
    ".ipynb": re.compile(r"""["'\s][!%](?:\S*python3? -m )?pip3? install\b"""),
}
_NOT_RUN = frozenset({"setup.py", "noxfile.py", "conftest.py"})


# What hands data between processes in /dev/shm.
_SHARED_MEMORY = {
    ".py": re.compile(
        r"\bnum_workers\s*=\s*(?!0\b)|\bshared_memory\b|\bSharedMemory\b|^\s*(?:import|from) ray\b|\bnccl\b|/dev/shm\b",
        re.MULTILINE,
    ),
    ".yaml": re.compile(r"\bnum_workers:\s*[1-9]"),
}


def find_pip_caller(source: Source) -> str | None:
    """The first script that calls pip while the job runs, as `spacy download` and its like do."""
    return _first(source, _CALLS)


def find_memory_sharer(source: Source) -> str | None:
    """The first file that speaks of processes that share memory."""
    return _first(source, _SHARED_MEMORY)


def _first(source: Source, patterns: Mapping[str, re.Pattern[str]]) -> str | None:
    """Tests and build scripts don't count."""
    left = _MAX_BYTES
    for file in source.files:
        path = PurePosixPath(file.path)
        pattern = patterns.get(path.suffix)
        tested = path.name.startswith("test_") or "tests" in path.parts[:-1] or path.name in _NOT_RUN
        if pattern is None or tested or file.link is not None or file.size > _MAX_FILE_BYTES:
            continue
        left -= file.size
        if left < 0:
            return None
        if pattern.search(source.read(file.path, max_bytes=_MAX_FILE_BYTES).decode(errors="replace")):
            return file.path
    return None
