"""The build context: a tar of exactly what was planned, the same bytes on every machine.

Docker never sees the project folder itself, so nothing that was left out can slip in.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from aws_run.errors import SourceError
from aws_run.image.plan import ImagePlan, standard_dockerfile, uv_requirements
from aws_run.image.recipe.dependencies import installer_files
from aws_run.image.recipe.entrypoint_layer import wrap_dockerfile
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe
from aws_run.image.sources.source import DOCKERIGNORE, Source, SourceFile, frame, read_chunks

# A fixed time keeps layers equal between machines; before 1980 zip files of the job could not hold it.
_MTIME = 946_684_800  # 2000-01-01 UTC
LAYER = "entrypoint.tar"
# Stands in the recipe where each project's own cache is named. An ARG would not do: BuildKit before 0.10 takes a
# variable in a mount's id literally, and all projects would share the cache of that name.
PROJECT_CACHE = "PROJECT-CACHE"


# Starts a command in conda's environment, as `conda activate` does it: the packages' scripts are written for bash.
_ACTIVATE = """\
#!/bin/bash
for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
  if [ -r "$script" ]; then . "$script"; fi
done
exec "$@"
"""


def write_standard(
    plan: ImagePlan,
    recipe: StandardRecipe,
    out: IO[bytes],
    *,
    cache_id: str,
    classic_secrets: dict[str, bytes] | None = None,
) -> None:
    """For our recipe: Dockerfile, uv.txt, entrypoint.tar, deps/ and code/app/.

    `cache_id`: BuildMachine.cache_id of the project. `classic_secrets`: for Docker's classic builder, which knows no
    mounts; None for BuildKit.
    """
    with _open(out) as tar:
        text = standard_dockerfile(recipe).replace(f"id={PROJECT_CACHE},", f"id={cache_id},")
        if classic_secrets is not None:
            text = classic_dockerfile(text)
            _add_folder(tar, "secrets")
            for name, content in classic_secrets.items():
                _add_bytes(tar, f"secrets/{name}", content)
        _add_bytes(tar, "Dockerfile", text.encode())
        _add_bytes(tar, "uv.txt", uv_requirements().encode())
        _add_bytes(tar, LAYER, plan.entrypoint_layer)
        if recipe.dependencies.conda is not None:
            _add_bytes(tar, "activate", _ACTIVATE.encode())
        _add_folder(tar, "deps")
        written = installer_files(plan.source, recipe.dependencies)
        if recipe.dependencies.whole_project:
            _add_source(tar, plan.source, "deps/", leave_out=frozenset(written))
        for path, content in written.items():
            _add_bytes(tar, f"deps/{path}", content)
        # A folder that is copied whole keeps its date; one that is copied into gets today's.
        _add_folder(tar, "code")
        _add_folder(tar, "code/app")
        _add_source(tar, plan.source, "code/app/")


def write_own(plan: ImagePlan, recipe: OwnDockerfile, out: IO[bytes]) -> None:
    """For the project's Dockerfile: the project as it is. Docker reads the Dockerfile and .dockerignore even where
    an ignore file leaves them out."""
    paths = plan.source.paths
    below = f"{recipe.context}/" if recipe.context else ""
    with _open(out) as tar:
        # Docker knows a tar by its first kilobyte, which an extended header (a name with an umlaut) would fill.
        _add_folder(tar, ".")
        _add_source(tar, plan.source, "", below=below)
        inside = dockerfile_in_context(recipe)
        beside = (recipe.path, inside), (f"{recipe.path}{DOCKERIGNORE}", f"{inside}{DOCKERIGNORE}")
        for path, name in (*beside, (f"{below}{DOCKERIGNORE}", DOCKERIGNORE)):
            if (path not in paths or name != path[len(below) :]) and plan.source.has(path):
                own = recipe.changed if path == recipe.path else None
                _add_bytes(tar, name, own.encode() if own is not None else plan.source.read(path))


def dockerfile_in_context(recipe: OwnDockerfile) -> str:
    """Its name among the files that Docker is sent: one that lies outside of `build.context`, or is changed, is put
    beside them."""
    below = f"{recipe.context}/" if recipe.context else ""
    if recipe.changed is None and recipe.path.startswith(below):
        return recipe.path.removeprefix(below)
    return f".aws-run-{recipe.path.replace('/', '-')}"


def write_wrap(plan: ImagePlan, entrypoint: Iterable[str], cmd: Iterable[str], out: IO[bytes]) -> None:
    """For the layer on top of the project's own image."""
    with _open(out) as tar:
        _add_bytes(tar, "Dockerfile", wrap_dockerfile(list(entrypoint), list(cmd)).encode())
        _add_bytes(tar, LAYER, plan.entrypoint_layer)


def classic_dockerfile(text: str) -> str:
    """The recipe without mounts. The secrets are copied into the first stage, of which nothing but the installed
    packages reaches the image: they stay on the building machine."""
    bare = re.sub(r"--mount=\S+ ?", "", text)
    made, count = re.subn(r"^(FROM \S+ AS uv\n)", r"\1COPY secrets/ /run/secrets/\n", bare, flags=re.MULTILINE)
    if count != 1:
        raise ValueError("the recipe has no stage named uv")
    return made


def _open(out: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)


def _add_source(
    tar: tarfile.TarFile, source: Source, prefix: str, *, leave_out: frozenset[str] = frozenset(), below: str = ""
) -> None:
    """Every file but those of `leave_out`, checked on the way: what is sent is what the tag was computed from.

    `below`: the folder with its slash that all of them lie in, and that their names are relative to."""
    digest = hashlib.sha256()
    made: set[str] = set()
    for file in source.files:
        name = file.path[len(below) :]
        for folder in _folders(name):
            if folder not in made:
                made.add(folder)
                _add_folder(tar, f"{prefix}{folder}")
        digest.update(frame(file))
        if file.path in leave_out:
            for chunk in read_chunks(source.root, file):
                digest.update(chunk)
            continue
        _add_file(tar, source.root, f"{prefix}{name}", file, digest.update)
    if digest.hexdigest() != source.digest:
        raise SourceError(
            "The project's files changed while the image was built from them",
            hint="run the command again; exclude files that something keeps writing to in .awsrunignore",
        )


class _ChunkReader:
    """What tarfile reads from: chunks, digested as they pass."""

    def __init__(self, chunks: Iterator[bytes], update: Callable[[bytes], None]) -> None:
        self._chunks = chunks
        self._update = update
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._update(chunk)
            self._buffer += chunk
        out = bytes(self._buffer[:size])
        del self._buffer[:size]
        return out


def _add_file(tar: tarfile.TarFile, root: Path, name: str, file: SourceFile, update: Callable[[bytes], None]) -> None:
    chunks = read_chunks(root, file)
    if file.link is not None:
        info = _info(name, mode=0o777)
        info.type, info.linkname = tarfile.SYMTYPE, file.link
        tar.addfile(info)
    else:
        info = _info(name, mode=file.mode)
        info.size = file.size
        tar.addfile(info, cast("IO[bytes]", _ChunkReader(chunks, update)))
    for chunk in chunks:  # a link's target; a file's end, where its size is checked
        update(chunk)


def _add_bytes(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    for folder in _folders(path):
        _add_folder(tar, folder)
    info = _info(path, mode=0o644)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _add_folder(tar: tarfile.TarFile, path: str) -> None:
    info = _info(path, mode=0o755)
    info.type = tarfile.DIRTYPE
    tar.addfile(info)


def _info(path: str, *, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime, info.uid, info.gid = mode, _MTIME, 0, 0
    return info


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))
