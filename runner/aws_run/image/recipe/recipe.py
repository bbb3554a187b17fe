"""Which recipe makes the image: the project's own Dockerfile, or ours with the dependencies found in the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_run.config import Build
from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.choose_python import choose_python
from aws_run.image.recipe.dependencies import CONDA_GENERATED, Dependencies, DependencyKind
from aws_run.image.recipe.find_dependencies import find_dependencies
from aws_run.image.recipe.git_version import version_from_git
from aws_run.image.recipe.imports_from_top import find_import_from_top
from aws_run.image.recipe.mentions import find_pip_caller
from aws_run.image.recipe.other_builders import apt_list, notes_about
from aws_run.image.recipe.own_dockerfile import context_of, find_dockerfile, other_dockerfiles
from aws_run.image.recipe.shell_form import without_triggers
from aws_run.image.sources.source import Source
from aws_run.project.files import TEXT_MAX_BYTES
from aws_run.project.folder import read_toml
from aws_run.project.package import InstallPlan, plan_install, scm_variable

# What a project's own Dockerfile decides instead.
_OF_OUR_RECIPE = ("python", "dependencies", "extras", "groups", "install", "apt", "pip")
DEFAULT_BASE = "public.ecr.aws/docker/library/python:{python}-slim-bookworm"


@frozen
class OwnDockerfile:
    """Built as it is. `base_image`, when set, is passed as the build argument BASE_IMAGE."""

    path: str
    base_image: str | None = None
    target: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    context: str = ""  # the folder that it sees, relative to the project; empty: all of it
    changed: str | None = None  # its text without what is only for images that stand on it; None: it is sent as it is
    unused: tuple[str, ...] = ()  # settings that only our own recipe follows

    @property
    def summary(self) -> str:
        place = f", in {self.context}/" if self.context else ""
        return f"the project's {self.path}" + (f", stage {self.target}" if self.target else "") + place

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, for the plan."""
        told = [f"the image is built from {self.summary}"]
        if self.unused:
            verb = "is" if len(self.unused) == 1 else "are"
            told.append(f"{', '.join(self.unused)} {verb} not followed, because the Dockerfile says what is installed")
        return tuple(told)


@frozen
class StandardRecipe:
    """Our Dockerfile. `python_path`: folders of the project that go on PYTHONPATH, as installing it would do."""

    base_image: str
    python: str | None  # None: whatever `base_image` holds
    managed_python: bool = False  # uv installs `python` beside the base image's own
    dependencies: Dependencies
    python_path: tuple[str, ...] = ()
    install: InstallPlan | None = None  # None: the project itself is not installed
    version: tuple[str, str] | None = None  # a variable and the version from git that it hands to the build back end
    apt: tuple[str, ...] = ()
    passed_over: str | None = None  # a Dockerfile that has another name or place than docker looks at
    pip: bool = False  # the job can install packages itself
    pip_caller: str | None = None  # the script that calls it, where that alone decided
    apt_file: str | None = None  # the list of another builder that names `apt`
    other_notes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()  # packages that only running the program needs

    @property
    def summary(self) -> str:
        python = f"Python {self.python}" if self.python else self.base_image
        files = self.dependencies.files
        return f"{python}, {' + '.join(files[:2])}" if files else f"{python}, no dependencies"

    @property
    def needs_uv(self) -> bool:
        return self.managed_python or self.dependencies.kind != "none" or self.install is not None or bool(self.tools)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, for the plan."""
        told = [f"dependencies: {self.dependencies.title}", *self.dependencies.notes]
        if self.passed_over:
            told.append(f"{self.passed_over} is not used; --dockerfile {self.passed_over} does")
        if self.install is not None:
            told.append("the project itself is installed")
        if self.version is not None:
            told.append(f"its version is {self.version[1]}, read from git's tags")
        if self.apt:
            told.append(f"Debian packages: {', '.join(self.apt)}" + (f", of {self.apt_file}" if self.apt_file else ""))
        if self.pip:
            told.append("the job has pip" + (f", because {self.pip_caller} calls it" if self.pip_caller else ""))
        return (*told, *self.other_notes)


Recipe = OwnDockerfile | StandardRecipe


def choose_recipe(build: Build, source: Source, command: Sequence[str] = (), tools: tuple[str, ...] = ()) -> Recipe:
    """ConfigError for settings that can't be right, SourceError for files of the project that can't be read.

    `command`: what will be run, where that is known; a script may carry its own list of dependencies. `tools`: what
    running it needs beside the project's own list."""
    own = find_dockerfile(build, source)
    if own is not None:
        text = source.read(own).decode(errors="replace")
        changed = without_triggers(text, build.target)
        return OwnDockerfile(
            path=own,
            base_image=build.base_image,
            target=build.target,
            args=tuple(sorted(build.args.items())),
            context=context_of(build),
            changed=changed if changed != text else None,
            unused=tuple(f"build.{name}" for name in _OF_OUR_RECIPE if getattr(build, name) != getattr(Build(), name)),
        )
    pyproject = read_pyproject(source)
    listed = apt_list(source) if not build.apt else None
    dependencies = find_dependencies(source, pyproject, build, command)
    python = choose_python(build, source, pyproject, dependencies)
    base = build.base_image or DEFAULT_BASE.format(python=python.base)
    if dependencies.conda is not None:
        made = (CONDA_GENERATED, dependencies.conda.for_micromamba(python.base))
        dependencies = replace(dependencies, texts=(made, *dependencies.texts))
    _refuse_unnamed_variables(build, dependencies)
    caller = find_pip_caller(source) if build.pip is None else None
    install = plan_install(source, pyproject, wanted=build.install, command=command)
    python_path = _python_path(source, pyproject)
    from_top = find_import_from_top(source, command) if "" not in python_path else None
    if from_top is not None:
        told = f"the project's folder is on PYTHONPATH, because {from_top.script} imports {from_top.module} from it"
        python_path, python = (*python_path, ""), replace(python, notes=(*python.notes, told))
    return StandardRecipe(
        base_image=base,
        python=None if build.base_image else python.version,
        managed_python=python.managed is not None,
        dependencies=dependencies,
        python_path=python_path,
        install=install,
        version=_version(source, pyproject) if install is not None or dependencies.whole_project else None,
        apt=build.apt or (listed[1] if listed is not None else ()),
        apt_file=listed[0] if listed is not None else None,
        other_notes=(*python.notes, *notes_about(source, pyproject, apt=build.apt)),
        passed_over=next(iter(other_dockerfiles(source)), None) if build.dockerfile == "auto" else None,
        pip=build.pip or caller is not None,
        pip_caller=caller,
        tools=tools,
    )


def _refuse_unnamed_variables(build: Build, dependencies: Dependencies) -> None:
    """A list of the project's may send any variable of this shell to any address: the user says which ones."""
    unnamed = [name for name in dependencies.variables if name not in build.secrets]
    if unnamed:
        listed = ", ".join(unnamed)
        flags = " ".join(f"--build-secret {name}" for name in unnamed)
        raise SourceError(
            f"{dependencies.files[0]} puts {listed} of this shell into an address, which was not allowed",
            hint=f"{flags} (or AWS_RUN_BUILD_SECRETS) hands it to the build; the image never holds it",
        )


def read_pyproject(source: Source) -> dict[str, Any]:
    return read_toml(source, "pyproject.toml", max_bytes=TEXT_MAX_BYTES)


def _version(source: Source, pyproject: dict[str, Any]) -> tuple[str, str] | None:
    """Where the build back end would ask git, which it can't: .git never goes into a build."""
    variable = scm_variable(source, pyproject)
    return (variable, version_from_git(source.root)) if variable is not None else None


def _python_path(source: Source, pyproject: dict[str, Any]) -> tuple[str, ...]:
    """Where the project's own package is imported from: from its files, whether it is installed or not."""
    if "build-system" not in pyproject:
        return ()
    return ("src",) if any(file.path.startswith("src/") for file in source.files) else ("",)


__all__ = ["Dependencies", "DependencyKind", "OwnDockerfile", "Recipe", "StandardRecipe", "choose_recipe"]
