"""The options that a script declares, read from its syntax tree, for argparse, configargparse, optparse, click, typer,
cyclopts, fire, absl, docopt, parsers of dataclasses (tyro, simple-parsing, HfArgumentParser, Tap, pyrallis, draccus,
jsonargparse, pydantic-settings) and sys.argv; nothing of the project is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from aws_run.image.recipe.argv_names import argv_names
from aws_run.image.recipe.declared_options import (
    DECLARING,
    Declared,
    from_call,
    from_fields,
    from_parameters,
    is_declaration,
    name_of,
    strings,
)

# Parsers that make options of a class's fields, with what stands for an underscore.
_DATACLASS_PARSERS = {"HfArgumentParser": "_", "add_arguments": "_", "cli": "-", "parse": "_"}
_OF_PARAMETERS = ("CLI", "auto_cli")  # jsonargparse
_OF_CONFIG = ("pyrallis.wrap", "draccus.wrap")
UNNAMED = ""  # a subcommand whose name is made at run time


class OptionReader:
    """One script. `common`: what is declared for the script as a whole; `subcommands`: what each of them declares."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.common = Declared()
        self.subcommands: dict[str, Declared] = {}
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.decorators: set[ast.expr] = set()

    def read(self) -> tuple[Declared, dict[str, Declared]]:
        self._read_commands()
        owners = self._parsers()
        for names in owners.values():
            for name in names:
                self.subcommands.setdefault(name, Declared())
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and node not in self.decorators:
                self._read_call(node, owners)
        self._read_settings_classes()
        at = argv_names(self.tree, self.functions)
        if 1 in at and 2 in at and not self.common.positional:
            self.common.positional += [at[1], at[2]]
        return self.common, self.subcommands

    def _read_call(self, node: ast.Call, owners: dict[str, tuple[str, ...]]) -> None:
        name = name_of(node.func)
        if is_declaration(node):
            for owner in self._owners(node, owners):
                owner.add(from_call(node))
        elif name.startswith("DEFINE_"):  # absl
            self.common.options.update(f"--{text}" for text in strings(node.args[:1]))
        elif name == "docopt":
            self._read_docopt(ast.get_docstring(self.tree) or "")
        elif name == "Fire":
            self._read_fire(node)
        elif name == "run" and node.args and isinstance(node.args[0], ast.Name):  # typer.run, CliApp.run
            self._read_run(node.args[0].id)
        elif name in _OF_PARAMETERS and node.args and isinstance(node.args[0], ast.Name):
            self._read_parameters(node.args[0].id)
        elif name in _DATACLASS_PARSERS:
            self._read_dataclasses(node, _DATACLASS_PARSERS[name])

    def _owners(self, node: ast.Call, owners: dict[str, tuple[str, ...]]) -> list[Declared]:
        """argparse: the parsers of subcommands that an option is added to."""
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        names = owners.get(receiver.id, ()) if isinstance(receiver, ast.Name) else ()
        return [self.subcommands[name] for name in names] or [self.common]

    def _parsers(self) -> dict[str, tuple[str, ...]]:
        """Variables that hold the parser of a subcommand (of several, in a loop over their names or as their common
        parent), or a group of its options, and the names of those subcommands."""
        owners: dict[str, tuple[str, ...]] = {}
        loops = self._loops()
        for node in ast.walk(self.tree):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            called, target = node.value.func, node.targets[0]
            if not (isinstance(called, ast.Attribute) and isinstance(target, ast.Name)):
                continue
            if called.attr == "add_parser":
                named = node.value.args[:1]
                variable = named[0].id if named and isinstance(named[0], ast.Name) else ""
                names = tuple(strings(named)) or loops.get(variable) or (UNNAMED,)
                owners[target.id] = (*owners.get(target.id, ()), *names)
                for parent in _parents(node.value):
                    owners[parent] = (*owners.get(parent, ()), *names)
            elif called.attr.startswith("add_") and isinstance(called.value, ast.Name) and called.value.id in owners:
                owners[target.id] = owners[called.value.id]
        return owners

    def _loops(self) -> dict[str, tuple[str, ...]]:
        """`for name in ("fit", "predict")`."""
        loops = [
            node for node in ast.walk(self.tree) if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        ]
        return {node.target.id: tuple(strings([node.iter])) for node in loops if isinstance(node.target, ast.Name)}

    def _read_commands(self) -> None:
        """Functions that click or typer makes commands of."""
        commands: dict[str, Declared] = {}
        grouped = False
        for function in ast.walk(self.tree):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            names = {name_of(_called(each)) for each in function.decorator_list}
            grouped = grouped or bool(names & {"group", "callback"})
            if "callback" in names:
                self.common.add(from_parameters(function, typer=True))
            if any(ast.unparse(_called(each)) in _OF_CONFIG for each in function.decorator_list):
                self._read_config_of(function)
            if names & {"command", "default"}:
                self.decorators.update(each for each in function.decorator_list if isinstance(each, ast.Call))
                declared = from_parameters(function, typer=True, only_declared=bool(names & {"option", "argument"}))
                for each in function.decorator_list:
                    if isinstance(each, ast.Call) and name_of(each.func) in DECLARING:
                        declared.add(from_call(each))
                commands[_command_name(function)] = declared
        if grouped or len(commands) > 1:
            self.subcommands.update(commands)
        else:
            for declared in commands.values():
                self.common.add(declared)

    def _read_fire(self, call: ast.Call) -> None:
        if not call.args:
            self._add_fire_functions(self.functions.values())
            return
        given = call.args[0]
        if isinstance(given, ast.Dict):
            values = [value.id for value in given.values if isinstance(value, ast.Name)]
            self._add_fire_functions(self.functions[name] for name in values if name in self.functions)
        elif isinstance(given, ast.Name) and given.id in self.functions:
            self.common.add(from_parameters(self.functions[given.id], typer=False))
        elif isinstance(given, ast.Name) and given.id in self.classes:
            methods = [each for each in self.classes[given.id].body if isinstance(each, ast.FunctionDef)]
            made = next((from_parameters(each, typer=False) for each in methods if each.name == "__init__"), Declared())
            self._add_fire_functions((each for each in methods if not _is_property(each)), made)

    def _add_fire_functions(self, functions: Iterable[ast.FunctionDef], made: Declared | None = None) -> None:
        """`made`: what making the object takes, which fire reads from the same options."""
        for function in functions:
            if not function.name.startswith("_"):
                declared = from_parameters(function, typer=False)
                declared.add(made or Declared())
                self.subcommands[function.name] = declared

    def _read_run(self, name: str) -> None:
        if name in self.functions:
            self.common.add(from_parameters(self.functions[name], typer=True))
        elif name in self.classes:
            self.common.add(from_fields(self.classes[name], "_"))

    def _read_parameters(self, name: str) -> None:
        """What has no default is positional."""
        function = self.functions.get(name)
        if function is not None:
            self.common.add(from_parameters(function, typer=True, between="_"))

    def _read_dataclasses(self, call: ast.Call, between: str) -> None:
        given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "config_class")]
        for each in given:
            for item in each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each]:
                name = item.id if isinstance(item, ast.Name) else ""
                if name in self.classes:
                    self.common.add(from_fields(self.classes[name], between))
                elif name in self.functions and between == "-":
                    names = [parameter.arg for parameter in self.functions[name].args.args]
                    self.common.options.update(f"--{one.replace('_', between)}" for one in names)

    def _read_config_of(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        annotation = function.args.args[0].annotation if function.args.args else None
        if isinstance(annotation, ast.Name) and annotation.id in self.classes:
            self.common.add(from_fields(self.classes[annotation.id], "_"))

    def _read_settings_classes(self) -> None:
        """Classes that are parsers themselves: Tap's, and pydantic's settings with a command line."""
        for node in self.classes.values():
            bases = {name_of(base) for base in node.bases}
            if "Tap" in bases or ("BaseSettings" in bases and "cli_parse_args" in ast.unparse(node)):
                self.common.add(from_fields(node, "_"))

    def _read_docopt(self, text: str) -> None:
        self.common.options.update(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
        usage = re.search(r"usage:\s*(.*?)(?:\n\s*\n|\Z)", text, re.IGNORECASE | re.DOTALL)
        lines = [line for line in usage[1].splitlines() if line.strip()] if usage else []
        if len(lines) == 1:
            self.common.positional += re.findall(r"(?<![=\s-])\s<([\w-]+)>", lines[0])


def _parents(call: ast.Call) -> Iterator[str]:
    """`parents=[common]` of add_parser."""
    for keyword in call.keywords:
        if keyword.arg == "parents" and isinstance(keyword.value, (ast.List, ast.Tuple)):
            yield from (each.id for each in keyword.value.elts if isinstance(each, ast.Name))


def _is_property(function: ast.FunctionDef) -> bool:
    return any(name_of(_called(each)) in ("property", "cached_property") for each in function.decorator_list)


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _command_name(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and name_of(decorator.func) == "command":
            named = [*decorator.args[:1], *(each.value for each in decorator.keywords if each.arg == "name")]
            for text in strings(named):
                return text
    return function.name.replace("_", "-")
