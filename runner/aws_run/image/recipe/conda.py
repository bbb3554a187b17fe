"""environment.yml: what conda would install, as lines for the package index, or as micromamba makes it in the build.

The index is smaller and faster. Where the list names what only conda has (GDAL, CUDA, R, compilers), micromamba makes
the whole environment, from the same file without its `name`, `prefix` and pip section.
"""

from __future__ import annotations

import json
import posixpath
import re

from aws_run.config.yamlfile import Mapping, Scalar, Sequence, parse_yaml
from aws_run.errors import ConfigError, SourceError
from aws_run.frozen import frozen
from aws_run.project.conda_names import OTHER_NAMES, only_conda_has
from aws_run.project.folder import Folder
from aws_run.project.versions import alternatives, from_conda

NAMES = ("environment.yml", "environment.yaml", "conda.yaml", "conda.yml")
_ENTRY = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)(?P<rest>.*)$")


_CUDA = frozenset({"cuda-version", "cudatoolkit", "pytorch-cuda", "cuda-toolkit", "cuda", "cuda-runtime"})
_DEFAULT_CUDA = "12.4"  # what conda solves for where the list wants a GPU and names no version


@frozen
class CondaEnvironment:
    """`python`: as `requires-python` would say it; None where nothing is asked for. `lines`: for the package index.
    `pip`: the pip section alone. `only_conda`: names that no index has. `specs` and `channels`: as the file says them.
    `cuda`: the version of CUDA that the list is for. `variables`: names of those that activating it would set."""

    lines: tuple[str, ...]
    python: str | None
    pip: tuple[str, ...] = ()
    only_conda: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    cuda: str | None = None
    variables: tuple[str, ...] = ()

    def for_micromamba(self, python: str) -> str:
        """The file that micromamba is given. `python`: the version where the list names none."""
        specs = list(self.specs)
        if not any(_name_of(spec) == "python" for spec in specs):
            specs.append(f"python={python}")
        # JSON is YAML, and no text can end its quotes.
        return json.dumps({"channels": list(self.channels or ("conda-forge",)), "dependencies": specs}, indent=1) + "\n"


def read_conda(folder: Folder, path: str) -> CondaEnvironment:
    """SourceError for what can't be read."""
    try:
        tree = parse_yaml(folder.read_text(path), path)
    except ConfigError as error:
        raise SourceError(f"{path} can't be read: {error.message}", hint="correct it") from None
    listed = tree.items.get("dependencies")
    lines: list[str] = []
    pip: list[str] = []
    only_conda: list[str] = []
    specs: list[str] = []
    python: str | None = None
    cuda: str | None = None
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping):
            pip += _texts(item.items.get("pip"))
            continue
        entry = _ENTRY.match(item.text.strip()) if isinstance(item, Scalar) else None
        if entry is None:
            continue
        specs.append(entry[0])
        name, rest = entry["name"].lower(), entry["rest"].strip()
        if name in _CUDA or name.endswith("-gpu"):
            version = re.match(r"[=\s]*(\d+\.\d+)", rest) if name in _CUDA else None
            cuda = version[1] if version else cuda or _DEFAULT_CUDA
        if name == "python":
            python = alternatives(rest, from_conda) or None
        elif only_conda_has(name):
            only_conda.append(name)
        elif package := OTHER_NAMES.get(name, name):
            # Under another name the versions of conda's build tools mean nothing.
            lines.append(f"{package}{from_conda(rest) or ''}")
    return CondaEnvironment(
        lines=(*lines, *pip),
        python=python,
        pip=tuple(pip),
        only_conda=tuple(only_conda),
        specs=tuple(specs),
        channels=tuple(_texts(tree.items.get("channels"))),
        cuda=cuda,
        variables=tuple(variables.items) if isinstance(variables := tree.items.get("variables"), Mapping) else (),
    )


def pip_section_reads(folder: Folder, path: str, other: str) -> bool:
    """Whether the pip section of conda's list `path` includes the file `other`."""
    try:
        lines = read_conda(folder, path).pip
    except SourceError:
        return False
    named = [line.split()[-1].removeprefix("-r") for line in lines if line.startswith(("-r", "--requirement"))]
    return other in [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in named]


def _name_of(spec: str) -> str:
    entry = _ENTRY.match(spec)
    return entry["name"].lower() if entry else ""


def _texts(node: object) -> list[str]:
    items = node.items if isinstance(node, Sequence) else ()
    return [item.text.strip() for item in items if isinstance(item, Scalar) and item.text.strip()]
