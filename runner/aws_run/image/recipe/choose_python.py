"""Which Python the image gets: what the project says of it, in its order, and what to tell of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe import python_version
from aws_run.image.recipe.dependencies import Dependencies
from aws_run.image.recipe.dependency_lists import poetry_python
from aws_run.image.sources.source import Source
from aws_run.project.folder import parse_toml, table
from aws_run.project.package import legacy_python, sets_python

_RANGE = "3.8 to 3.15"
_OLD = "set build.python to a version that works, or build.base_image to an image that has it"
# https://mise.jdx.dev/configuration.html
_MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml")


@frozen
class ChosenPython:
    """`base`: MAJOR.MINOR (or what `build.python` says) of the base image. `managed`: what uv installs beside the base
    image's own, as MAJOR.MINOR.PATCH, for the job to run on; None: the job runs on the base image's."""

    base: str
    managed: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return self.managed or self.base


@frozen
class _Wish:
    """`text`: as it stands in the file. `requires`: the same in `requires-python`'s words; None: not understood.
    `usual`: the version of the language, where another build of it is meant."""

    place: str
    text: str
    requires: str | None
    usual: str | None = None


def choose_python(build: Build, source: Source, pyproject: dict[str, Any], dependencies: Dependencies) -> ChosenPython:
    """SourceError or ConfigError where it can't be had. With a base image of the user's own nothing is refused."""
    if build.python is not None:
        return _of_setting(build)
    wishes = [*_version_files(source), *_constraints(source, pyproject, dependencies)]
    understood = [wish for wish in wishes if wish.requires is not None]
    first = understood[0] if understood else None
    chosen = _meeting(first, build, dependencies) if first is not None else ChosenPython(base=python_version.DEFAULT)
    if build.base_image is not None:
        return ChosenPython(base=chosen.base)
    notes = [*chosen.notes]
    for wish in wishes:
        if wish.usual is not None:
            notes.append(f"{wish.place} asks for {wish.text}, and CPython {chosen.version} is used in its place")
        elif wish.requires is None:
            notes.append(
                f"{wish.place} asks for Python {wish.text}, which is not understood here; Python {chosen.version} is "
                'used, and `build: {python: "3.11"}` names another'
            )
        elif first is not None and not python_version.allows(wish.requires, chosen.version):
            notes.append(
                f"{first.place} decides on Python {chosen.version}, although {wish.place} asks for {wish.text}"
            )
    return ChosenPython(base=chosen.base, managed=chosen.managed, notes=tuple(dict.fromkeys(notes)))


def _of_setting(build: Build) -> ChosenPython:
    wanted = build.python or ""
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", wanted):
        raise ConfigError(f"build.python is {wanted!r}, which is not a version", hint='write it as "3.12"')
    old = tuple(int(part) for part in wanted.split(".")[:2]) < (3, 9)
    if build.base_image is not None or not old:
        return ChosenPython(base=wanted)
    managed = python_version.from_managed(f"=={wanted}" if wanted.count(".") == 2 else f"=={wanted}.*")
    if managed is None:
        raise ConfigError(f"build.python is {wanted}, which can't be had; {_RANGE} can", hint=_OLD)
    return _managed(managed)


def _meeting(wish: _Wish, build: Build, dependencies: Dependencies) -> ChosenPython:
    """What a wish is met by: a base image, or else a Python of uv's."""
    requires = wish.requires or ""
    base = python_version.from_requires(requires)
    if base is not None:
        patch = python_version.pinned_patch(requires)
        if patch is None or dependencies.conda is not None:
            return ChosenPython(base=base)
        exactly = f'`build: {{python: "{patch}"}}` takes exactly that'
        note = f"{wish.place} names Python {patch}, and the newest {base} is used; {exactly}"
        return ChosenPython(base=base, notes=(note,))
    if build.base_image is not None:
        return ChosenPython(base=python_version.DEFAULT)
    if dependencies.conda is not None:
        raise SourceError(
            f"{wish.place} asks for Python {wish.text}, and in an environment of conda's aws-run needs 3.9 to 3.14",
            hint=_OLD,
        )
    managed = python_version.from_managed(requires)
    if managed is None:
        raise SourceError(
            f"{wish.place} asks for Python {wish.text}, which neither a base image nor uv has ({_RANGE}, not every "
            "patch release)",
            hint=_OLD,
        )
    patch = python_version.pinned_patch(requires)
    other = f"{wish.place} names Python {patch}, which can't be had; {managed} is used"
    return _managed(managed, *([other] if patch not in (None, managed) else []))


def _managed(version: str, *notes: str) -> ChosenPython:
    series = version.rpartition(".")[0]
    base = series if series in python_version.KNOWN else python_version.DEFAULT
    note = f"uv installs Python {version}, because no base image is known to have it; the build fetches it from GitHub"
    return ChosenPython(base=base, managed=version, notes=(*notes, note))


def _version_files(source: Source) -> Iterator[_Wish]:
    """The strongest first. An empty file asks for nothing."""
    for path in (".python-version", ".python-versions"):  # uv reads the second where there is no first
        if source.has(path):
            yield from _pinned(path, python_version.first_line(source.read_text(path)))
            break
    if source.has(".tool-versions"):
        match = re.search(r"(?m)^python[ \t]+(\S+)", source.read_text(".tool-versions"))
        yield from _pinned(".tool-versions", match[1] if match is not None else "")
    for path in _MISE:
        if source.has(path):
            value = table(parse_toml(source.read_text(path), path), "tools").get("python")
            value = value[0] if isinstance(value, list) and value else value
            value = value.get("version") if isinstance(value, dict) else value
            yield from _pinned(path, str(value or ""))
    if source.has("runtime.txt"):
        yield from _pinned("runtime.txt", source.read_text("runtime.txt").strip()[:60])


def _pinned(place: str, text: str) -> Iterator[_Wish]:
    if text:
        usual = python_version.usual_version(text)
        yield _Wish(place=place, text=text, requires=python_version.from_pin(usual or text), usual=usual)


def _constraints(source: Source, pyproject: dict[str, Any], dependencies: Dependencies) -> Iterator[_Wish]:
    """The strongest first."""
    requires = table(pyproject, "project").get("requires-python")
    places = [
        ("pyproject.toml", str(requires) if requires else None),
        ("pyproject.toml", poetry_python(pyproject)),
        (dependencies.python_of or " + ".join(dependencies.files) or "the project", dependencies.requires_python),
        ("setup.cfg", legacy_python(source, "setup.cfg")),
    ]
    for place, text in places:
        if text:
            yield _Wish(place=place, text=text, requires=_readable(text))
    text = legacy_python(source, "setup.py")
    if text and _readable(text):
        yield _Wish(place="setup.py", text=text, requires=_readable(text))
    elif sets_python(source, "setup.py"):
        yield _Wish(place="setup.py", text="of a python_requires that is computed", requires=None)


def _readable(text: str) -> str | None:
    """As `requires-python` says it; a version alone is meant as a version file means it."""
    if python_version.is_readable(text):
        return text
    return python_version.from_pin(text) if text[:1].isdigit() else None
