"""A notebook as the program: papermill executes it with the two folders as parameters, and the executed notebook is one
of the outputs. Where the folders go is read from the cell that is tagged `parameters`, as papermill does it.

https://papermill.readthedocs.io/en/latest/usage-parameterize.html
"""

from __future__ import annotations

import ast
import json
import posixpath
from collections.abc import Sequence
from typing import Any

from aws_run.contract import FOLDER_MARKS
from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.python_scripts import read_tree
from aws_run.image.recipe.script_options import SHORT, choose_pair
from aws_run.image.sources.source import Source
from aws_run.project.files import LOCK_MAX_BYTES

# papermill brings no kernel; one that the notebook names ("conda-env-ml-py") is of the machine that it was written on.
TOOLS = ("papermill", "ipykernel")
_KERNEL = "python3"
INPUT, OUTPUT = FOLDER_MARKS


@frozen
class Notebook:
    """`parameters`: the names that the parameters cell sets, None where no cell is tagged. `language` in lower case."""

    path: str
    language: str
    parameters: tuple[str, ...] | None

    @property
    def folders(self) -> tuple[str, str] | None:
        """Which of them are the input and the output."""
        return choose_pair(self.parameters or ())


def list_notebooks(source: Source) -> list[str]:
    """Their paths, the shallowest first; Jupyter's own copies are none."""
    paths = [path for path in source.paths if path.endswith(".ipynb") and ".ipynb_checkpoints" not in path.split("/")]
    return sorted(paths, key=lambda path: (path.count("/"), path))


def read_notebook(path: str, source: Source) -> Notebook:
    """SourceError where it can't be executed: no notebook, an old format, another language than Python."""
    try:
        document = json.loads(source.read(path, max_bytes=LOCK_MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not a notebook: {error}", hint="save it again with Jupyter") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise SourceError(
            f"{path} holds no cells, or is of a format before version 4", hint="open it with Jupyter and save it again"
        )
    language = _language(document)
    if language != "python":
        raise SourceError(
            f"{path} is a notebook in {language}, and aws-run's own image has Python only",
            hint="write a Dockerfile with that kernel and papermill, whose CMD is "
            f'["papermill", "{path}", "{OUTPUT}/{posixpath.basename(path)}", '
            f'"-p", "input_dir", "{INPUT}"]',
        )
    return Notebook(path=path, language=language, parameters=_parameters(document["cells"]))


def notebook_command(notebook: Notebook, arguments: tuple[str, str]) -> tuple[str, ...]:
    """`arguments`: the config's pair; -i and -o: as the parameters cell names them. SourceError where that can't be
    told."""
    folders = notebook.folders if arguments == SHORT else arguments
    if folders is None:
        raise SourceError(_why_not(notebook), hint=_hint(notebook))
    path = notebook.path
    folder = posixpath.dirname(path)
    return (
        "papermill",
        path,
        f"{OUTPUT}/{posixpath.basename(path)}",
        "--kernel",
        _KERNEL,
        *(("--cwd", folder) if folder else ()),  # as Jupyter starts it, so that its relative paths and imports hold
        "--log-output",
        "--no-progress-bar",
        *("-p", folders[0], INPUT, "-p", folders[1], OUTPUT),
    )


def notebook_notes(command: Sequence[str]) -> list[str]:
    """What is done with it, for the plan; `command` as `notebook_command` made it."""
    first, second = (command[place + 1] for place, word in enumerate(command) if word == "-p")
    name = posixpath.basename(command[1])
    return [
        f"{command[1]} is executed by papermill, with the folders as {first} and {second}; "
        f"the executed notebook is among the outputs as {name}",
        f"{' and '.join(TOOLS)} are installed for it",
    ]


def _why_not(notebook: Notebook) -> str:
    if notebook.parameters is None:
        return f"{notebook.path} has no cell that is tagged `parameters`, so it can't be given the two folders"
    listed = ", ".join(notebook.parameters) or "nothing"
    return f"The parameters cell of {notebook.path} sets {listed}; which of these the two folders are is not clear"


def _hint(notebook: Notebook) -> str:
    if notebook.parameters is None:
        return (
            "set input_dir and output_dir in one cell, use them in all others, and give that cell the tag `parameters` "
            "(in Jupyter: Property Inspector, Cell Tags)"
        )
    return "call them input_dir and output_dir, or say it: `arguments: {input: NAME, output: NAME}` in aws-run.yaml"


def _language(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    for section, key in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(section) if isinstance(metadata, dict) else None
        name = part.get(key) if isinstance(part, dict) else None
        if isinstance(name, str) and name:
            return name.lower()[:40]
    return "python"


def _parameters(cells: list[object]) -> tuple[str, ...] | None:
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        if isinstance(tags, list) and "parameters" in tags:
            source = cell.get("source")
            text = "".join(line for line in source if isinstance(line, str)) if isinstance(source, list) else source
            return tuple(_assigned(text if isinstance(text, str) else ""))
    return None


def _assigned(text: str) -> list[str]:
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("%", "!")))
    try:
        tree = read_tree(plain)
    except SyntaxError:
        return []
    targets: list[ast.expr] = []
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.Assign):
            targets.extend(node.targets)
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return [target.id for target in targets if isinstance(target, ast.Name)]
