"""The version that setuptools-scm and its kin would read from git's tags, computed outside of the build.

Nothing of the project is run and its `.git/config` is never shown to git (git_view): the tags and the commit are read
as text and put into an empty repository of our own, around the project's objects.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.image.sources.git_view import Repository, find_repository, run_git
from aws_run.project.files import MIB, UnreadableFileError, read_file

# What a version from nowhere is called by setuptools-scm.
UNKNOWN = "0.1.dev0"
_REFS_MAX_BYTES = 16 * MIB
_MOST_TAGS = 10_000
_TAG = re.compile(r"(?P<commit>[0-9a-f]{40,64}) (?P<name>refs/tags/[A-Za-z0-9][A-Za-z0-9._+/-]{0,200})")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DESCRIBED = re.compile(r"(?P<tag>.+)-(?P<distance>\d+)-g(?P<node>[0-9a-f]+)")
_VERSION = re.compile(r"(?P<release>\d+(?:\.\d+){0,5})(?P<rest>(?:[._-]?(?:a|b|rc|alpha|beta|post|dev)\.?\d*){0,2})$")


def version_from_git(folder: Path) -> str:
    """UNKNOWN where there is no repository, no tag or no git."""
    try:
        repository = find_repository(folder)
        head = head_of(repository) if repository is not None else None
        if repository is None or head is None:
            return UNKNOWN
        arguments = ["describe", "--tags", "--long", "--match", "*[0-9]*", head]
        status, out, _ = run_git(repository, folder, arguments, head=head, tags=_tags(repository))
    except (SourceError, UnreadableFileError, OSError):
        return UNKNOWN
    return _from_description(out.decode(errors="replace").strip()) if status == 0 else UNKNOWN


def _from_description(text: str) -> str:
    """`v1.2.3-4-gabc` → 1.2.4.dev4+gabc, as setuptools-scm guesses the next version."""
    match = _DESCRIBED.fullmatch(text)
    version = _VERSION.search(match["tag"]) if match is not None else None
    if match is None or version is None:
        return UNKNOWN
    if match["distance"] == "0":
        return version["release"] + version["rest"].lstrip("._-")
    numbers = version["release"].split(".")
    if not version["rest"]:
        numbers[-1] = str(int(numbers[-1]) + 1)
    return f"{'.'.join(numbers)}.dev{match['distance']}+g{match['node']}"


def head_of(repository: Repository) -> str | None:
    text = read_file(repository.own / "HEAD", max_bytes=4096).decode(errors="replace").strip()
    if not text.startswith("ref: "):
        return text if _HASH.fullmatch(text) else None
    name = text.removeprefix("ref: ").strip()
    if not re.fullmatch(r"refs/[A-Za-z0-9._/+-]{1,250}", name) or ".." in name:
        return None
    try:
        commit = read_file(repository.common / name, max_bytes=4096).decode(errors="replace").strip()
    except UnreadableFileError:
        lines = (line.split(" ") for line in _packed(repository).splitlines())
        commit = next((words[0] for words in lines if len(words) == 2 and words[1] == name), "")
    return commit if _HASH.fullmatch(commit) else None


def branch_name(repository: Repository) -> str:
    """The branch that is checked out; "" where it is a commit. UnreadableFileError, OSError."""
    text = read_file(repository.own / "HEAD", max_bytes=4096).decode(errors="replace").strip()
    match = re.fullmatch(r"ref: refs/heads/(?P<branch>[A-Za-z0-9._/+@#-]{1,250})", text)
    return match["branch"] if match else ""


def _tags(repository: Repository) -> str:
    """A packed-refs file of the tags, which git reads as it reads its own."""
    tags: dict[str, str] = {}
    for line in _packed(repository).splitlines():
        match = _TAG.fullmatch(line)
        if match is not None and len(tags) < _MOST_TAGS:
            tags[match["name"]] = match["commit"]
    top = repository.common / "refs" / "tags"
    for parent, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            try:
                commit = read_file(path, max_bytes=4096, within=top.resolve()).decode(errors="replace").strip()
            except UnreadableFileError:
                continue
            match = _TAG.fullmatch(f"{commit} refs/tags/{path.relative_to(top).as_posix()}")
            if match is not None and len(tags) < _MOST_TAGS:
                tags[match["name"]] = match["commit"]
    kept = {name: commit for name, commit in tags.items() if ".." not in name and not name.endswith((".lock", "/"))}
    return "# pack-refs with: sorted\n" + "".join(f"{kept[name]} {name}\n" for name in sorted(kept))


def _packed(repository: Repository) -> str:
    try:
        return read_file(repository.common / "packed-refs", max_bytes=_REFS_MAX_BYTES).decode(errors="replace")
    except UnreadableFileError:
        return ""
