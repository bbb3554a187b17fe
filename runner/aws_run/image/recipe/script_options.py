"""Which options of a script take the two folders: -i and -o, longer spellings, or its first two positional arguments.

Read from the syntax tree, for argparse, optparse, click, typer and fire; nothing of the project is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Who declares an option: argparse, optparse, click, typer, cyclopts.
DECLARING = frozenset({"add_argument", "add_option", "option", "argument", "Option", "Argument", "Parameter"})
_IN = ("input", "in", "data", "src", "source", "images")
_OUT = ("output", "out", "results", "result", "dst", "dest", "target", "save")
_ENDS = ("", "-dir", "-folder", "-path", "-directory", "dir", "-root")
SHORT = ("-i", "-o")
POSITIONAL = ("", "")


@dataclass(kw_only=True)
class _Declared:
    options: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)


def find_arguments(tree: ast.Module) -> tuple[str, str] | None:
    """(option for the input, option for the output); POSITIONAL: they are given without one; None: it takes neither."""
    declared = _declared(tree)
    if set(SHORT) <= declared.options:
        return SHORT
    first, second = _longest_known(declared.options, _IN), _longest_known(declared.options, _OUT)
    if first is not None and second is not None:
        return first, second
    if len(declared.positional) == 2:
        names = [_plain(name) for name in declared.positional]
        if names[0] in _spellings(_IN) and names[1] in _spellings(_OUT):
            return POSITIONAL
    return None


def strings(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            yield from strings(node.elts)


def name_of(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _declared(tree: ast.Module) -> _Declared:
    declared = _Declared()
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in DECLARING:
            words = list(strings([*node.args, *(keyword.value for keyword in node.keywords)]))
            declared.options.update(word for word in words if word.startswith("-"))
            first = next(strings(node.args[:1]), "")
            if name in ("add_argument", "argument") and first and not first.startswith("-"):
                declared.positional.append(first)
        elif name in ("Fire", "run") and node.args and isinstance(node.args[0], ast.Name):
            function = functions.get(node.args[0].id)
            if function is not None:
                _declare_parameters(function, declared, typer=name == "run")
    for function in functions.values():
        if any(
            name_of(each.func if isinstance(each, ast.Call) else each) == "command" for each in function.decorator_list
        ):
            _declare_parameters(function, declared, typer=True, only_options=True)
    return declared


def _declare_parameters(
    function: ast.FunctionDef, declared: _Declared, *, typer: bool, only_options: bool = False
) -> None:
    """typer and fire make options of a function's parameters."""
    parameters = function.args.args
    defaults = [None] * (len(parameters) - len(function.args.defaults)) + list(function.args.defaults)
    for parameter, default in zip(parameters, defaults, strict=True):
        called = name_of(default.func) if isinstance(default, ast.Call) else ""
        if not typer:
            declared.options.add(f"--{parameter.arg}")
        elif called == "Option" or (default is not None and called != "Argument" and not only_options):
            if not any(word.startswith("-") for word in strings(default.args if isinstance(default, ast.Call) else [])):
                declared.options.add(f"--{parameter.arg.replace('_', '-')}")
        elif not only_options:
            declared.positional.append(parameter.arg)


def _longest_known(options: set[str], stems: tuple[str, ...]) -> str | None:
    """The likeliest spelling among them: `--input` before `--data-dir`."""
    by_name = {_plain(option): option for option in sorted(options) if option.startswith("-")}
    return next((by_name[name] for name in _spellings(stems) if name in by_name), None)


def _spellings(stems: tuple[str, ...]) -> list[str]:
    return [f"{stem}{end}" for stem in stems for end in _ENDS]


def _plain(option: str) -> str:
    return option.lstrip("-").replace("_", "-").lower()
