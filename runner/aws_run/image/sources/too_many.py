"""A folder that nobody can have meant to send: a home folder, or more than an image of code ever holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from aws_run.amounts import size
from aws_run.errors import FarTooMuchError, UsageError
from aws_run.image.sources.source import SourceFile

MOST_FILES = 20_000
MOST_BYTES = 10**9
_MOST_NAMED = 3


def too_many(files: Sequence[SourceFile], *, root: Path) -> UsageError | None:
    """What there is to be asked about the files that go into the image; None where that is not worth a question."""
    total = sum(file.size for file in files)
    if len(files) <= MOST_FILES and total <= MOST_BYTES:
        return None
    return UsageError(
        f"{len(files):,} files, {size(total)}, of {root} would go into the image; the largest are {_largest(files)}",
        hint="list what the job does not need in .awsrunignore (data belongs to -i); --yes sends all of it",
    )


def refuse_many(root: Path) -> Callable[[Sequence[SourceFile]], None]:
    """For `read_source`, where nobody can be asked."""

    def accept(files: Sequence[SourceFile]) -> None:
        doubt = too_many(files, root=root)
        if doubt is not None:
            raise doubt

    return accept


def whole_machine(root: Path, home: Path) -> FarTooMuchError | None:
    """What there is to be asked about a folder that holds far more than a project; None for any other."""
    folder = root.resolve()
    if folder not in (home.resolve(), *home.resolve().parents):
        return None
    what = "your home folder" if folder == home.resolve() else f"{folder}, which holds far more than a project,"
    return FarTooMuchError(
        f"All of {what} would go into the image",
        hint="name the project's own folder as PATH; --yes means all of it",
    )


def _largest(files: Sequence[SourceFile]) -> str:
    sizes: dict[str, int] = {}
    for file in files:
        top, slash, _ = file.path.partition("/")
        sizes[top + slash] = sizes.get(top + slash, 0) + file.size
    rows = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_MOST_NAMED]
    return ", ".join(f"{name} {size(amount)}" for name, amount in rows)
