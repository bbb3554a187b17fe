"""Files that other builders read: repo2docker's apt.txt and binder/, Heroku's Aptfile. A project that is made for one
of them has what it needs here as well, or a note says what is left and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.sources.source import Source
from aws_run.project.folder import strings, table

FOLDERS = ("", "binder/", ".binder/")
_APT = ("apt.txt", "Aptfile")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,99}")
# https://repo2docker.readthedocs.io/en/latest/config_files.html
_NOT_RUN = ("postBuild", "start")
_MOST_SHOWN = 4


@frozen
class _Unread:
    """`paths`: a pattern of whole paths. `remedy`: a sentence; `holds`: what its text must hold to be meant."""

    paths: str
    remedy: str
    holds: str = ""


# https://pixi.prefix.dev/latest/reference/cli/pixi/workspace/export/conda-environment
_PIXI = (
    "`pixi workspace export conda-environment environment.yml` writes a list that is (`--from-lock-file` with the "
    "locked versions)"
)
_OF_SETTINGS = "`build: {apt, dependencies, python}` in aws-run.yaml says what is installed"
# Lists of packages in formats of other tools, each with the way to one that is read.
_UNREAD = (
    _Unread(paths=r"pixi\.(?:toml|lock)", remedy=_PIXI),
    _Unread(
        # https://conda.github.io/conda-lock/output
        paths=r"(?:[^/]*[.-])?conda-lock\.ya?ml",
        remedy="`conda-lock render --kind env --platform linux-64` writes conda-linux-64.lock.yml, and "
        "`build: {dependencies: conda-linux-64.lock.yml}` takes its versions",
    ),
    _Unread(
        paths=r"(?:conda-[\w-]+|environment)\.lock|(?:conda[-_])?(?:explicit|spec-file|spec-list|spec)\.txt",
        holds=r"(?m)^@EXPLICIT|^dependencies:|^https?://\S+\.(?:conda|tar\.bz2)",
        remedy="`conda env export --no-builds --file environment.yml` writes a list that is",
    ),
    _Unread(
        # https://docs.conda.io/projects/conda-build/en/stable/resources/define-metadata.html
        paths=r"(?:\.?conda(?:[-.]recipe)?/|recipe/)?(?:meta|recipe)\.ya?ml",
        holds=r"(?m)^(?:requirements|build):",
        remedy="it is a recipe to build a package from; environment.yml or requirements.txt says what a job needs",
    ),
    _Unread(paths=r"python_env\.ya?ml", remedy="it is MLflow's; requirements.txt holds the same lines"),
    _Unread(paths=r"cog\.ya?ml", holds=r"(?m)^build:", remedy=_OF_SETTINGS),
    _Unread(paths=r"nixpacks\.toml|railpack\.json|project\.toml|devbox\.json|spack\.ya?ml", remedy=_OF_SETTINGS),
    _Unread(paths=r"packages\.txt", remedy="where it lists Debian packages, `build: {apt: [NAME]}` installs them"),
    _Unread(paths=r"\.devcontainer/devcontainer\.json|\.devcontainer\.json", remedy=_OF_SETTINGS),
)
# Files that name packages of something that our recipe does not bring.
_OTHER_LANGUAGES = (
    ("R", r"DESCRIPTION|renv\.lock|packrat/packrat\.lock|(?:\.?binder/)?install\.R"),
    ("Julia", r"(?:\.?binder/)?(?:Project|JuliaProject|Manifest)\.toml|(?:\.?binder/)?REQUIRE"),
    ("Node.js", r"package\.json"),
    ("Ruby", r"Gemfile"),
    ("Java", r"pom\.xml|build\.gradle(?:\.kts)?"),
    ("Nix", r"(?:\.?binder/)?default\.nix|flake\.nix|shell\.nix"),
)


def apt_list(source: Source) -> tuple[str, tuple[str, ...]] | None:
    """(the file, its packages) of the first list of Debian packages; lines that name none (repositories, addresses of
    packages) are left out, and `notes_about` tells so."""
    for path in _present(source, _APT):
        packages = tuple(dict.fromkeys(line for line in _lines(source, path) if _PACKAGE.fullmatch(line)))
        if packages:
            return path, packages
    return None


def notes_about(source: Source, pyproject: dict[str, Any], *, apt: Sequence[str] = ()) -> list[str]:
    """Sentences for the plan about what is there and not followed. `apt`: the setting, which goes before every list."""
    notes = []
    taken = apt_list(source)
    for path in _present(source, _APT):
        if apt:
            notes.append(f"{path} is not followed, because build.apt says which packages are installed")
            continue
        others = [line for line in _lines(source, path) if not _PACKAGE.fullmatch(line)]
        if others:
            notes.append(f"of {path}, {', '.join(others[:4])} is not the name of a package and is left out")
        if taken is not None and path != taken[0]:
            notes.append(f"{path} is not followed, because {taken[0]} is")
    ignored = _present(source, _NOT_RUN)
    if ignored:
        notes.append(f"{', '.join(ignored)} of repo2docker is not run; a Dockerfile can do what it does")
    return [*notes, *_unread(source), *_settings_of_tools(pyproject), *_other_languages(source)]


def _unread(source: Source) -> list[str]:
    """One sentence for each way out, so that pixi.toml beside pixi.lock is told once."""
    by_remedy: dict[str, list[str]] = {}
    for path in sorted(source.paths):
        entry = next((entry for entry in _UNREAD if re.fullmatch(entry.paths, path)), None)
        if entry is not None and _holds(source, path, entry.holds):
            by_remedy.setdefault(entry.remedy, []).append(path)
    return [
        f"{_listed(paths)} {'is' if len(paths) == 1 else 'are'} not read; {remedy}"
        for remedy, paths in by_remedy.items()
    ]


def _holds(source: Source, path: str, pattern: str) -> bool:
    """Nothing depends on a file that is only told of: one that can't be read is passed over."""
    try:
        return not pattern or re.search(pattern, _text(source, path)) is not None
    except SourceError:
        return False


def _settings_of_tools(pyproject: dict[str, Any]) -> list[str]:
    """Lists that stand in pyproject.toml for one tool alone."""
    tool = table(pyproject, "tool")
    notes = []
    if table(tool, "pixi", "dependencies") or table(tool, "pixi", "pypi-dependencies"):
        notes.append(f"[tool.pixi] of pyproject.toml is not read; {_PIXI}")
    environment = table(tool, "hatch", "envs", "default")
    packages = [*strings(environment.get("dependencies")), *strings(environment.get("extra-dependencies"))]
    if packages:
        notes.append(
            f"[tool.hatch.envs.default] of pyproject.toml is not read ({_listed(packages)}); [project] dependencies or "
            "[dependency-groups] with `build: {groups: [NAME]}` are"
        )
    return notes


def _other_languages(source: Source) -> list[str]:
    there = {
        language: paths
        for language, pattern in _OTHER_LANGUAGES
        if (paths := sorted(path for path in source.paths if re.fullmatch(pattern, path)))
    }
    if not there:
        return []
    paths = [path for paths in there.values() for path in paths]
    return [
        f"what {_listed(paths)} {'names' if len(paths) == 1 else 'name'} ({', '.join(there)}) is not in the image; a "
        "Dockerfile brings it where the job needs it"
    ]


def _present(source: Source, names: tuple[str, ...]) -> list[str]:
    """Those that go into the image: an executable called `start` may be anything, so it counts in binder/ alone."""
    paths = [f"{folder}{name}" for folder in FOLDERS for name in names if folder or name != "start"]
    return [path for path in paths if path in source.paths]


def _lines(source: Source, path: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in _text(source, path).splitlines())
    return [line for line in lines if line]


def _text(source: Source, path: str) -> str:
    return source.read(path).decode(errors="replace")


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more
