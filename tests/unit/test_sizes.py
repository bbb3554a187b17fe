"""The limits that keep the code liveable: files, classes and parameter lists that one can take in at a glance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES, MOST_LINES_OF_A_CLASS, MOST_POSITIONAL = 400, 250, 5
TABLES = {"runner/aws_run/config/options.py", "runner/aws_run/rights.py"}  # one table each, a row an entry


def sources() -> Iterator[tuple[str, str]]:
    for room in ("runner/aws_run", "entrypoint/aws_run_entrypoint"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_a_file_has_one_job_and_few_lines() -> None:
    lines = {name: text.count("\n") for name, text in sources() if name not in TABLES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_class_fits_on_a_few_screens() -> None:
    large = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and node.end_lineno
    }
    assert {name: count for name, count in large.items() if count > MOST_LINES_OF_A_CLASS} == {}


def test_what_could_be_mixed_up_is_passed_by_name() -> None:
    """Commands of click are called by name as they are."""
    long = []
    for name, text in sources():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or "click" in ast.dump(
                ast.Module(node.decorator_list, [])  # type: ignore[arg-type]
            ):
                continue
            positional = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
            if len(positional) - (positional[:1] in (["self"], ["cls"])) > MOST_POSITIONAL:
                long.append(f"{name}:{node.lineno} {node.name}({', '.join(positional)})")
    assert long == []


def test_no_room_decides_by_the_name_of_a_backend() -> None:
    """What differs between them is asked of the backend, so that one more needs no change elsewhere."""
    words = {"ec2", "fargate"}
    deciding = []
    for name, text in sources():
        room = name.removeprefix("runner/aws_run/").split("/")[0]
        if room not in ("cli", "usecases", "lifecycle", "runs", "report", "infra", "image", "data"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Compare) and any(
                isinstance(each, ast.Constant) and each.value in words for each in (node.left, *node.comparators)
            ):
                deciding.append(f"{name}:{node.lineno}")
    assert deciding == []


def test_no_command_reads_raw_json() -> None:
    raw = [
        name
        for name, text in sources()
        if "Mapping[str, Any]" in text and name.startswith(("runner/aws_run/usecases/", "runner/aws_run/lifecycle/"))
    ]
    assert raw == []
