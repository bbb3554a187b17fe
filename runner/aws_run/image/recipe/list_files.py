"""Which files of a project list what it needs, best first, and what is said of those that are not used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from aws_run.errors import SourceError
from aws_run.image.recipe.conda import NAMES as CONDA_NAMES
from aws_run.image.sources.source import Source

NOT_FOR_RUNS = re.compile(r"(?:^|[-_./])(?:dev|tests?|testing|docs?|lint|ci|build|typing|constraints?)(?:[-_.]|$)")
_REQUIREMENT_NAMES = ("requirements.txt", "requirements.in")
_PREFERRED = ("main", "base", "prod", "production", "default", "requirements", "run", "runtime")
# A list of conda's under another name: `environment-gpu.yml`, `env.yml`, `conda_dependencies.yml`, a rendered lock.
_OTHER_CONDA = re.compile(
    r"(?:(?:conda[-_.])?(?:env|environment)(?:[-_.][\w.-]+)?|conda[-_](?:dependencies|requirements)"
    r"|conda-linux-64\.lock)\.ya?ml"
)
_IS_CONDA = re.compile(rb"(?m)^dependencies:\s*(?:#.*)?$")
_ANY_LIST = re.compile(
    r"(?:.*/)?(?:[\w.-]*requirements[\w.-]*\.(?:txt|in|lock)|environment\.ya?ml|Pipfile|setup\.py"
    r"|pyproject\.toml|uv\.lock)|requirements/[^/]+\.(?:txt|in)"
)
_BY_NAME = (".txt", ".in", ".lock", ".yml", ".yaml")  # those that `build.dependencies` takes from any folder
_OF_OTHERS = re.compile(r"(?:^|/)(?:node_modules|vendor|third_party|examples?|site-packages)/")
_MOST_SHOWN = 4


def candidates(source: Source, command: Sequence[str], *, with_manifest: bool) -> list[str]:
    """Paths of lists that are there, best first. `with_manifest`: there is a pyproject.toml, without which its locks
    mean nothing. `command`: a list beside its script counts, where the project's own folder has none."""
    return list(dict.fromkeys(_candidates(source, command, with_manifest=with_manifest)))


def _candidates(source: Source, command: Sequence[str], *, with_manifest: bool) -> Iterator[str]:
    top = {path for path in source.paths if "/" not in path}
    names = ["uv.lock"] if with_manifest else []
    names += ["pylock.toml", *sorted(path for path in top if re.fullmatch(r"pylock\.[^./]+\.toml", path))]
    names += ["poetry.lock", "pdm.lock"] if with_manifest else []
    names += ["Pipfile.lock", "requirements.lock", "Pipfile", *_REQUIREMENT_NAMES]
    yield from (name for name in names if source.has(name))
    yield from _requirement_files(source)
    conda = [name for name in CONDA_NAMES if source.has(name)]
    yield from conda or _other_conda_files(source, top)
    if with_manifest:
        yield "pyproject.toml"
    yield from (name for name in ("setup.py", "setup.cfg") if source.has(name))
    # repo2docker's own folder: what its notebook server needs besides.
    below = [f"{folder}{name}" for folder in ("binder/", ".binder/") for name in (*CONDA_NAMES, "requirements.txt")]
    yield from (path for path in below if source.has(path))
    for folder in _folders_of(command):
        yield from (path for name in ("requirements.txt", *CONDA_NAMES) if (path := f"{folder}/{name}") in source.paths)


def others(chosen: str, rest: list[str]) -> list[str]:
    """A sentence about the lists of `rest` that say something else than the chosen one."""
    left = [path for path in rest if not any({chosen, path} <= pair for pair in _SAME)]
    left = [path for path in left if path not in ("setup.py", "setup.cfg", "pyproject.toml")] or left
    if not left:
        return []
    named = ", ".join(left[:_MOST_SHOWN])
    verb = "is" if len(left) == 1 else "are"
    return [f"{chosen} is installed and {named} {verb} not; `build: {{dependencies: {left[0]}}}` chooses that one"]


def unused_lists(source: Source, looked_at: list[str]) -> list[str]:
    """A sentence about lists in other places or for other purposes, where nothing is installed."""
    paths = [
        path
        for path in source.paths
        if _ANY_LIST.fullmatch(path) and path not in looked_at and _OF_OTHERS.search(path) is None
    ]
    paths.sort(key=lambda path: (path.count("/"), not path.endswith(_BY_NAME), path))
    if not paths:
        return []
    first = paths[0]
    folder = str(PurePosixPath(first).parent)
    way = f"`build: {{dependencies: {first}}}` installs that one"
    if not first.endswith(_BY_NAME):
        way = f"`aws-run submit {folder}` runs that folder as a project of its own"
    more = f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
    return [f"nothing is installed, although {', '.join(paths[:_MOST_SHOWN])}{more} is there; {way}"]


_SAME = (
    frozenset({"uv.lock", "pyproject.toml", "setup.py", "setup.cfg"}),
    frozenset({"poetry.lock", "pyproject.toml"}),
    frozenset({"pdm.lock", "pyproject.toml"}),
    frozenset({"Pipfile.lock", "Pipfile"}),
    frozenset({"requirements.txt", "requirements.in"}),
    frozenset({"requirements.lock", "pyproject.toml", "setup.py", "setup.cfg"}),
    frozenset({"pyproject.toml", "setup.py", "setup.cfg"}),
)


def _requirement_files(source: Source) -> list[str]:
    """`requirements-gpu.txt`, `requirements/base.txt`: the likeliest first."""
    if any(source.has(name) for name in _REQUIREMENT_NAMES):
        return []
    pattern = re.compile(r"(?:requirements[^/]*|requirements/[^/]+|reqs?)\.(?:txt|in)")
    return sorted((path for path in source.paths if pattern.fullmatch(path) and _is_for_runs(path)), key=_rank)


def _other_conda_files(source: Source, top: set[str]) -> list[str]:
    """Only those that are lists of conda's by what they hold: others use these names as well."""
    named = [path for path in top if _OTHER_CONDA.fullmatch(path) and _is_for_runs(path)]
    return sorted((path for path in named if _is_conda(source, path)), key=_rank)


def _is_conda(source: Source, path: str) -> bool:
    try:
        return _IS_CONDA.search(source.read(path)) is not None
    except SourceError:
        return False


def _is_for_runs(path: str) -> bool:
    return NOT_FOR_RUNS.search(path) is None


def _rank(path: str) -> tuple[int, int, str]:
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return (_PREFERRED.index(stem) if stem in _PREFERRED else len(_PREFERRED), path.endswith(".in"), path)


def _folders_of(command: Sequence[str]) -> list[str]:
    """Those of the command's script, the nearest first; the project's own folder is not among them."""
    script = next((word.removeprefix("./") for word in command if word.endswith((".py", ".ipynb", ".sh"))), "")
    return [str(parent) for parent in PurePosixPath(script).parents if str(parent) not in (".", "/", "..")]
