"""Host side: this package as one zip, and that zip as one image layer.

The same bytes each time and everywhere, so that a registry holds the layer once for all projects.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Iterable, Tuple

PYZ_PATH = "opt/aws-run/entrypoint.pyz"
# Work folders that any user may write to, like /tmp.
_OPEN_DIRS = ("aws-run", "checkpoint")
# Parsing them all would take each submit 50 ms; a test holds this equal to what the parser finds.
_IMPORT = re.compile(rb"^\s*(?:import (\w[\w.]*)(?: as \w+)?|from (\w[\w.]*) import .*?)\s*(?:#.*)?$", re.MULTILINE)
# Comments on lines of their own and docstrings stay at home; empty lines keep the numbers in tracebacks right.
_COMMENT = re.compile(rb"^[ \t]*#.*$", re.MULTILINE)
_DOCSTRING = re.compile(rb'^([ \t]*)"""(?:[^"\\]|"(?!""))*"""[ \t]*$', re.MULTILINE)
_DATE = (1980, 1, 1, 0, 0, 0)


def pyz_bytes() -> bytes:
    """Stored, not deflated: zlib's output differs between its builds, and a registry compresses layers anyway."""
    package = Path(__file__).parent
    sources = {f"aws_run_entrypoint/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.py")}
    del sources["aws_run_entrypoint/bundle.py"]
    sources["__main__.py"] = sources.pop("aws_run_entrypoint/__main__.py")
    contents = {name: without_texts(path.read_bytes()) for name, path in sources.items()}
    contents["aws_run_entrypoint/needed.py"] = f"MODULES = {imported(contents.values())!r}\n".encode()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            archive.writestr(_info(name), contents[name])
    return held.getvalue()


def without_texts(source: bytes) -> bytes:
    """Without its comments and docstrings, which only people read."""
    lines = _DOCSTRING.sub(
        lambda match: match[1] + b'""' + b"\n" * match[0].count(b"\n"), source.replace(b"\r\n", b"\n")
    )
    return _COMMENT.sub(b"", lines)


def imported(sources: Iterable[bytes]) -> Tuple[str, ...]:
    """The standard library's modules that these sources import anywhere, for the check in the image."""
    modules = {"pyexpat"}  # ElementTree asks for it when it parses, not before
    for source in sources:
        modules.update((one or other).decode() for one, other in _IMPORT.findall(source))
    return tuple(sorted(name for name in modules if name.partition(".")[0] != "aws_run_entrypoint"))


def write_layer(path: os.PathLike[str]) -> None:
    """A tar for `ADD layer.tar /`."""
    content = pyz_bytes()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("opt", "opt/aws-run"):
            archive.addfile(_member(name, 0o755, tarfile.DIRTYPE))
        for name in _OPEN_DIRS:
            archive.addfile(_member(name, 0o1777, tarfile.DIRTYPE))
        member = _member(PYZ_PATH, 0o644, tarfile.REGTYPE)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def _member(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.type, member.mtime = mode, kind, 0
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="write the image layer that holds the entrypoint")
    parser.add_argument("out", type=Path)
    write_layer(parser.parse_args().out)
