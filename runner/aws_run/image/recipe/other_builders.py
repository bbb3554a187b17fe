"""Files that other builders read: repo2docker's apt.txt and binder/, Heroku's Aptfile, asdf's .tool-versions. A project
that is made for one of them has what it needs here as well, or a note says what is left."""

from __future__ import annotations

import re

from aws_run.image.sources.source import Source

FOLDERS = ("", "binder/", ".binder/")
_APT = ("apt.txt", "Aptfile")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,99}")
_PYTHON = re.compile(r"(?m)^python\s+(\d+\.\d+)")
# https://repo2docker.readthedocs.io/en/latest/config_files.html
_NOT_RUN = ("postBuild", "start", "install.R", "default.nix")


def apt_list(source: Source) -> tuple[str, tuple[str, ...]] | None:
    """(the file, its packages) of the first list of Debian packages; lines that name none (repositories, addresses of
    packages) are left out, and `notes_about` tells so."""
    for path in _present(source, _APT):
        packages = tuple(dict.fromkeys(line for line in _lines(source, path) if _PACKAGE.fullmatch(line)))
        if packages:
            return path, packages
    return None


def pinned_python(source: Source) -> str | None:
    """The Python of .tool-versions, as MAJOR.MINOR."""
    if not source.has(".tool-versions"):
        return None
    match = _PYTHON.search(source.read_text(".tool-versions"))
    return match[1] if match is not None else None


def notes_about(source: Source) -> list[str]:
    """Sentences for the plan about what is there and not followed."""
    notes = []
    for path in _present(source, _APT):
        others = [line for line in _lines(source, path) if not _PACKAGE.fullmatch(line)]
        if others:
            notes.append(f"of {path}, {', '.join(others[:4])} is not the name of a package and is left out")
    ignored = _present(source, _NOT_RUN)
    if ignored:
        notes.append(f"{', '.join(ignored)} of repo2docker is not run; a Dockerfile can do what it does")
    return notes


def _present(source: Source, names: tuple[str, ...]) -> list[str]:
    """Those that go into the image: an executable called `start` may be anything, so it counts in binder/ alone."""
    paths = [f"{folder}{name}" for folder in FOLDERS for name in names if folder or name != "start"]
    return [path for path in paths if path in source.paths]


def _lines(source: Source, path: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in source.read(path).decode(errors="replace").splitlines())
    return [line for line in lines if line]
