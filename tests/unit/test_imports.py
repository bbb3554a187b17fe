"""Imports point one way (docs: the map in CONTRIBUTING.md), and `aws-run --help` starts without the heavy packages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "runner" / "aws_run"
CONTAINER_SIDE = ROOT / "entrypoint" / "aws_run_entrypoint"

# A room may import its own level and below; no two rooms import each other. What is not named is a value: level 0.
LEVELS = {
    "aws": 1,
    "image": 1,
    "infra": 1,
    "data": 1,
    "pricing": 1,
    "runs": 1,
    "backends": 2,
    "report": 3,
    "github": 4,
    "lifecycle": 3,
    "usecases": 4,
    "local": 4,
    "cli": 5,
    "__main__": 6,
}
# Which rooms may import these at all.
ONLY_IN = {
    "boto3": {"local"},
    "botocore": {"aws", "local"},
    "s3transfer": set[str](),
    "docker": {"image", "local"},
    "moto": {"local"},
    "click": {"cli"},
    "aws_run_entrypoint": {"command_line", "data", "documents", "image", "job_log", "local"},
    "aws_run.local": {"cli", "local"},
}
# What the tool may import of the container side, and the container side of the transfer engine: the packages' faces.
FACES = {f"aws_run_entrypoint.{name}" for name in ("bundle", "command_line", "documents", "log_marks", "transfer")}
ENGINE = "aws_run_entrypoint.transfer"


@dataclass(frozen=True, kw_only=True)
class Import:
    """`module` imports `target`, both by their full names."""

    module: str
    target: str
    line: int


def imports_of(module: str, source: str, *, is_package: bool = False) -> Iterator[Import]:
    """Every import of `source`, wherever it stands: at the top, in a function, for types only, through importlib."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                targets = [alias.name for alias in names]
            case ast.ImportFrom(module=name, names=names, level=0):
                # `from aws_run import local` names a room as well as `from aws_run.local import …` does.
                # `from …transfer import manifest` names a module of it, `from …transfer import Entry` does not.
                targets = [
                    f"{name}.{alias.name}"
                    if name == "aws_run" or module_of_the_engine(name, alias.name)
                    else name or ""
                    for alias in names
                ]
            case ast.ImportFrom(module=name, names=names, level=level):
                parents = module.split(".")[: None if is_package and level == 1 else -(level - is_package)]
                base = ".".join([*parents, *([name] if name else [])])
                targets = [
                    base if name and not module_of_the_engine(base, alias.name) else f"{base}.{alias.name}"
                    for alias in names
                ]
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                targets = [name]
            case _:
                continue
        for target in targets:
            yield Import(module=module, target=target, line=node.lineno)


def module_of_the_engine(package: str | None, name: str) -> bool:
    return package == ENGINE and (CONTAINER_SIDE / "transfer" / f"{name}.py").exists()


def imports_under(folder: Path) -> list[Import]:
    found: list[Import] = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        found += imports_of(module, path.read_text(encoding="utf-8"), is_package=is_package)
    return found


def room(module: str) -> str:
    """`aws_run.image.build` is in `image`, `aws_run.errors` is the value `errors`."""
    return [*module.split("."), ""][1]


def level(module: str) -> int:
    return LEVELS.get(room(module), 0)


def violations(imports: list[Import]) -> list[str]:
    found = []
    for each in imports:
        if each.target.split(".")[0] == "aws_run" and level(each.target) > level(each.module):
            found.append(f"{each.module}:{each.line} imports {each.target}, which stands above it")
        for package, rooms in ONLY_IN.items():
            inside = each.target == package or each.target.startswith(f"{package}.")
            if inside and room(each.module) not in rooms:
                allowed = ", ".join(sorted(rooms)) or "nobody"
                found.append(f"{each.module}:{each.line} imports {each.target}; only {allowed} may import {package}")
    return found


def deep_imports(imports: list[Import]) -> list[str]:
    """Imports of what a package keeps to itself."""
    complaints = []
    for each in imports:
        target = each.target
        from_the_tool = each.module.split(".")[0] == "aws_run" and target.split(".")[0] == "aws_run_entrypoint"
        outside_the_engine = not f"{each.module}.".startswith(f"{ENGINE}.")
        if (from_the_tool and target not in FACES) or (outside_the_engine and target.startswith(f"{ENGINE}.")):
            complaints.append(f"{each.module}:{each.line} imports {target}, which its package keeps to itself")
    return complaints


def test_nobody_imports_the_inside_of_the_transfer_engine() -> None:
    assert deep_imports(imports_under(TOOL) + imports_under(CONTAINER_SIDE)) == []


@pytest.mark.parametrize(
    ("module", "source", "complaints"),
    [
        ("aws_run.data.outputs", "from aws_run_entrypoint.transfer.paths import Root", 1),
        ("aws_run.data.outputs", "import aws_run_entrypoint.transfer.loop", 1),
        ("aws_run.data.outputs", "from aws_run_entrypoint.transfer import manifest", 1),
        ("aws_run.data.outputs", "from aws_run_entrypoint.main import main", 1),
        ("aws_run_entrypoint.sync", "from .transfer.values import Entry", 1),
        ("aws_run_entrypoint.sync", "from .transfer import Entry", 0),
        ("aws_run_entrypoint.transfer.push", "from .values import Entry", 0),
        ("aws_run.data.outputs", "from aws_run_entrypoint.transfer import Root", 0),
        ("aws_run.documents", "from aws_run_entrypoint.documents import Fields", 0),
    ],
)
def test_a_deep_import_is_found(module: str, source: str, complaints: int) -> None:
    assert len(deep_imports(list(imports_of(module, source)))) == complaints


def test_imports_of_the_tool_point_one_way() -> None:
    assert violations(imports_under(TOOL)) == []


def test_no_two_rooms_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for each in imports_under(TOOL):
        if each.target.startswith("aws_run.") and room(each.target) != room(each.module):
            graph.setdefault(room(each.module), set()).add(room(each.target))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' → '.join(error.args[1])}")


def test_the_container_side_imports_itself_and_the_standard_library_only() -> None:
    foreign = [
        f"{each.module}:{each.line} imports {each.target}"
        for each in imports_under(CONTAINER_SIDE)
        if each.target.split(".")[0] not in sys.stdlib_module_names | {"aws_run_entrypoint"}
    ]
    assert foreign == []


@pytest.mark.parametrize(
    ("module", "source", "complaints"),
    [
        ("aws_run.errors", "import aws_run.cli.main", 1),
        ("aws_run.infra.apply", "from aws_run.backends import ec2", 1),
        ("aws_run.usecases.submit", "def late():\n    import boto3.session", 1),
        ("aws_run.usecases.submit", "from aws_run import local", 1),
        ("aws_run.backends.ec2.backend", "from ...usecases import submit", 1),
        ("aws_run.data.scan", "import importlib\nimportlib.import_module('docker')", 1),
        ("aws_run.infra.apply", "import aws_run_entrypoint.transfer", 1),
        ("aws_run.cli.main", "from aws_run.local import start", 0),
        ("aws_run.image.build", "import docker\nfrom aws_run.errors import DockerError\nfrom . import recipe", 0),
        ("aws_run.aws.session", "import botocore.session", 0),
    ],
)
def test_an_import_against_the_direction_is_found(module: str, source: str, complaints: int) -> None:
    assert len(violations(list(imports_of(module, source)))) == complaints


def test_help_starts_without_the_heavy_packages() -> None:
    script = """
import sys
from aws_run.cli.main import main
sys.argv = ["aws-run", "--help"]
try:
    sys.exit(main())
finally:
    print("\\n".join(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "submit" in done.stdout
    heavy = {
        "boto3",
        "botocore",
        "docker",
        "moto",
        "flask",
        "pydantic",
        "yaml",
        "requests",
        "aws_run_entrypoint",
    }
    assert heavy & set(done.stderr.splitlines()) == set()
