"""Which options of a script take the two folders: -i and -o, longer spellings, or its first two positional arguments.

Read from the syntax tree, for argparse, optparse, click, typer, cyclopts, fire, absl, docopt, parsers of dataclasses
(tyro, simple-parsing, HfArgumentParser) and sys.argv; nothing of the project is imported or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from aws_run import contract

# Who declares an option: argparse, optparse, click, typer, cyclopts.
DECLARING = frozenset({"add_argument", "add_option", "option", "argument", "Option", "Argument", "Parameter"})
_IN = ("input", "in", "data", "src", "source", "images")
_OUT = ("output", "out", "results", "result", "dst", "dest", "target", "save")
_ENDS = ("", "-dir", "-folder", "-path", "-directory", "dir", "-root", "-location", "-filepath")
_DATACLASS_PARSERS = {"HfArgumentParser": "_", "add_arguments": "_", "cli": "-"}
SHORT = ("-i", "-o")
POSITIONAL = ("", "")


@dataclass(frozen=True, kw_only=True)
class Takes:
    """`arguments`: the option for the input and that for the output; POSITIONAL: they are given without one.
    `subcommand`: the words that stand before them."""

    arguments: tuple[str, str]
    subcommand: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Declared:
    options: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)

    def add(self, other: _Declared) -> None:
        self.options |= other.options
        self.positional += other.positional


def find_takes(tree: ast.Module) -> list[Takes]:
    """Empty: it takes neither. Several: it has subcommands, and more than one of them takes both."""
    common, subcommands = _Reader(tree).read()
    if subcommands:
        matches = [(name, _match(declared)) for name, declared in sorted(subcommands.items())]
        return [Takes(arguments=pair, subcommand=(name,)) for name, pair in matches if pair is not None]
    pair = _match(common)
    return [Takes(arguments=pair)] if pair is not None else []


def declares(tree: ast.Module, options: tuple[str, str]) -> bool:
    """Whether both are among the options that it declares."""
    common, subcommands = _Reader(tree).read()
    return any(set(options) <= each.options for each in (common, *subcommands.values()))


def has_places(command: Sequence[str]) -> bool:
    """Whether a command says itself where both folders go; the container's side reads it so, too."""
    return all(any(mark in word for word in command) for mark in contract.FOLDER_MARKS)


def choose_pair(names: Iterable[str]) -> tuple[str, str] | None:
    """The likeliest two of them, for the input and the output."""
    names = list(names)
    first, second = _likeliest(names, _IN), _likeliest(names, _OUT)
    return (first, second) if first is not None and second is not None else None


def choose_input(names: Iterable[str]) -> str | None:
    return _likeliest(list(names), _IN)


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


def _match(declared: _Declared) -> tuple[str, str] | None:
    if set(SHORT) <= declared.options:
        return SHORT
    pair = choose_pair(option for option in declared.options if option.startswith("-"))
    if pair is not None:
        return pair
    if len(declared.positional) >= 2:
        names = [_plain(name) for name in declared.positional[:2]]
        if names[0] in _spellings(_IN) and names[1] in _spellings(_OUT):
            return POSITIONAL
    return None


class _Reader:
    """One script. `common`: what is declared for the script as a whole; `subcommands`: what each of them declares."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.common = _Declared()
        self.subcommands: dict[str, _Declared] = {}
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.decorators: set[ast.expr] = set()

    def read(self) -> tuple[_Declared, dict[str, _Declared]]:
        self._read_commands()
        owners = self._parsers()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and node not in self.decorators:
                self._read_call(node, owners)
        self._read_argv()
        return self.common, self.subcommands

    def _read_call(self, node: ast.Call, owners: dict[str, str]) -> None:
        name = name_of(node.func)
        if name in DECLARING:
            self._owner(node, owners).add(_from_call(node))
        elif name.startswith("DEFINE_"):  # absl
            self.common.options.update(f"--{text}" for text in strings(node.args[:1]))
        elif name == "docopt":
            self._read_docopt(ast.get_docstring(self.tree) or "")
        elif name == "Fire":
            self._read_fire(node)
        elif name == "run" and node.args and isinstance(node.args[0], ast.Name):  # typer.run
            function = self.functions.get(node.args[0].id)
            if function is not None:
                self.common.add(_from_parameters(function, typer=True))
        elif name in _DATACLASS_PARSERS:
            self._read_dataclasses(node, _DATACLASS_PARSERS[name])

    def _owner(self, node: ast.Call, owners: dict[str, str]) -> _Declared:
        """argparse: the subcommand's parser that an option is added to."""
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        subcommand = owners.get(receiver.id) if isinstance(receiver, ast.Name) else None
        return self.common if subcommand is None else self.subcommands.setdefault(subcommand, _Declared())

    def _parsers(self) -> dict[str, str]:
        """Variables that hold the parser of a subcommand, or a group of its options, and that subcommand's name."""
        owners: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            called, target = node.value.func, node.targets[0]
            if not (isinstance(called, ast.Attribute) and isinstance(target, ast.Name)):
                continue
            if called.attr == "add_parser":
                owners[target.id] = next(strings(node.value.args[:1]), "")
            elif called.attr.startswith("add_") and isinstance(called.value, ast.Name) and called.value.id in owners:
                owners[target.id] = owners[called.value.id]
        return owners

    def _read_commands(self) -> None:
        """Functions that click or typer makes commands of."""
        commands: dict[str, _Declared] = {}
        grouped = False
        for function in ast.walk(self.tree):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            names = {name_of(_called(each)) for each in function.decorator_list}
            grouped = grouped or bool(names & {"group", "callback"})
            if names & {"command", "default"}:
                self.decorators.update(each for each in function.decorator_list if isinstance(each, ast.Call))
                declared = _from_parameters(function, typer=True, only_declared=bool(names & {"option", "argument"}))
                for each in function.decorator_list:
                    if isinstance(each, ast.Call) and name_of(each.func) in DECLARING:
                        declared.add(_from_call(each))
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
            self.common.add(_from_parameters(self.functions[given.id], typer=False))
        elif isinstance(given, ast.Name) and given.id in self.classes:
            body = self.classes[given.id].body
            self._add_fire_functions(each for each in body if isinstance(each, ast.FunctionDef))

    def _add_fire_functions(self, functions: Iterable[ast.FunctionDef]) -> None:
        for function in functions:
            if not function.name.startswith("_"):
                self.subcommands[function.name] = _from_parameters(function, typer=False)

    def _read_dataclasses(self, call: ast.Call, between: str) -> None:
        for given in call.args:
            for item in given.elts if isinstance(given, (ast.Tuple, ast.List)) else [given]:
                name = item.id if isinstance(item, ast.Name) else ""
                if name in self.classes:
                    fields = [each.target for each in self.classes[name].body if isinstance(each, ast.AnnAssign)]
                    names = [each.id for each in fields if isinstance(each, ast.Name)]
                elif name in self.functions and between == "-":
                    names = [each.arg for each in self.functions[name].args.args]
                else:
                    continue
                self.common.options.update(f"--{each.replace('_', between)}" for each in names)

    def _read_docopt(self, text: str) -> None:
        self.common.options.update(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
        usage = re.search(r"usage:\s*(.*?)(?:\n\s*\n|\Z)", text, re.IGNORECASE | re.DOTALL)
        lines = [line for line in usage[1].splitlines() if line.strip()] if usage else []
        if len(lines) == 1:
            self.common.positional += re.findall(r"(?<![=\s-])\s<([\w-]+)>", lines[0])

    def _read_argv(self) -> None:
        """`input_dir = Path(sys.argv[1])`, or both in one assignment."""
        at: dict[int, str] = {}
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target = node.targets[0]
            if isinstance(target, ast.Tuple):
                names = [each.id if isinstance(each, ast.Name) else "" for each in target.elts]
                if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(names):
                    places = [_argv_place(value) for value in node.value.elts]
                    at.update({place: name for place, name in zip(places, names, strict=True) if place is not None})
                elif (start := _argv_start(node.value)) is not None:
                    at.update({start + offset: name for offset, name in enumerate(names)})
            elif isinstance(target, ast.Name) and (place := _argv_place(node.value)) is not None:
                at[place] = target.id
        if 1 in at and 2 in at and not self.common.positional:
            self.common.positional += [at[1], at[2]]


def _from_call(node: ast.Call) -> _Declared:
    declared = _Declared()
    words = list(strings([*node.args, *(keyword.value for keyword in node.keywords)]))
    declared.options.update(word for word in words if word.startswith("-"))
    first = next(strings(node.args[:1]), "")
    if name_of(node.func) in ("add_argument", "argument") and first and not first.startswith("-"):
        declared.positional.append(first)
    return declared


def _from_parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef, *, typer: bool, only_declared: bool = False
) -> _Declared:
    """typer and fire make options of a function's parameters; `only_declared`: click does so by decorators alone."""
    declared = _Declared()
    given = function.args
    parameters = [*given.args, *given.kwonlyargs]
    defaults = [None] * (len(given.args) - len(given.defaults)) + list(given.defaults) + list(given.kw_defaults)
    for parameter, default in zip(parameters, defaults, strict=True):
        if parameter.arg in ("self", "ctx"):
            continue
        if not typer:
            declared.options.add(f"--{parameter.arg}")
            continue
        call = default if isinstance(default, ast.Call) else _annotated(parameter.annotation)
        called = name_of(call.func) if call is not None else ""
        if only_declared and called not in ("Option", "Argument", "Parameter"):
            continue
        if called in ("Option", "Parameter") or (called != "Argument" and default is not None):
            named = [word for word in strings(_values(call)) if word.startswith("-")] if call is not None else []
            declared.options.update(named or [f"--{parameter.arg.replace('_', '-')}"])
        elif called == "Argument" or parameter.annotation is not None:
            declared.positional.append(parameter.arg)
    return declared


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "name")]


def _annotated(annotation: ast.expr | None) -> ast.Call | None:
    """The call in `Annotated[Path, typer.Option("--in")]`."""
    if isinstance(annotation, ast.Subscript) and name_of(annotation.value) == "Annotated":
        inner = annotation.slice
        items = inner.elts if isinstance(inner, ast.Tuple) else []
        return next((item for item in items if isinstance(item, ast.Call)), None)
    return None


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _command_name(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and name_of(decorator.func) == "command":
            named = [*decorator.args[:1], *(each.value for each in decorator.keywords if each.arg == "name")]
            for text in strings(named):
                return text
    return function.name.replace("_", "-")


def _is_argv(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "argv"


def _argv_place(node: ast.expr) -> int | None:
    """N of `sys.argv[N]`, alone or in a call like `Path(…)`."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if isinstance(node, ast.Subscript) and _is_argv(node.value) and isinstance(node.slice, ast.Constant):
        return node.slice.value if isinstance(node.slice.value, int) else None
    return None


def _argv_start(node: ast.expr) -> int | None:
    """Where a whole `sys.argv`, or `sys.argv[1:]`, begins."""
    if _is_argv(node):
        return 0
    if isinstance(node, ast.Subscript) and _is_argv(node.value) and isinstance(node.slice, ast.Slice):
        lower = node.slice.lower
        return lower.value if isinstance(lower, ast.Constant) and isinstance(lower.value, int) else None
    return None


def _likeliest(names: list[str], stems: tuple[str, ...]) -> str | None:
    """`--input` before `--data-dir`."""
    by_name = {_plain(name): name for name in sorted(names)}
    return next((by_name[name] for name in _spellings(stems) if name in by_name), None)


def _spellings(stems: tuple[str, ...]) -> list[str]:
    return [f"{stem}{end}" for stem in stems for end in _ENDS]


def _plain(option: str) -> str:
    return option.lstrip("-").replace("_", "-").lower()
