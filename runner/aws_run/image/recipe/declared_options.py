"""What one call, or one function's parameters, declare of a script's options, read from the syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Who declares an option: argparse, configargparse, optparse, click, typer, cyclopts.
DECLARING = frozenset(
    {"add_argument", "add_arg", "add_option", "option", "argument", "Option", "Argument", "Parameter"}
)
_MAY_BE_EMPTY = ("?", "*", "REMAINDER")
_SAGEMAKER = re.compile(r"SM_(?:CHANNEL_\w+|MODEL_DIR|OUTPUT_DATA_DIR|OUTPUT_DIR)")


@dataclass(kw_only=True)
class Declared:
    """`options`: every spelling; `meanings`: what `dest` calls some of them; `required`: the spellings of each that the
    script can't be started without, positional ones included; `sagemaker`: options whose defaults are variables of
    SageMaker's, with the variable."""

    options: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    required: list[tuple[str, ...]] = field(default_factory=list)
    sagemaker: dict[str, str] = field(default_factory=dict)

    def add(self, other: Declared) -> None:
        self.options |= other.options
        self.positional += other.positional
        self.meanings |= other.meanings
        self.required += other.required
        self.sagemaker |= other.sagemaker


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


def is_declaration(node: ast.Call) -> bool:
    """`add` is configargparse's, where it is given an option."""
    name = name_of(node.func)
    return name in DECLARING or (name == "add" and next(strings(node.args[:1]), "").startswith("-"))


def from_call(node: ast.Call) -> Declared:
    declared = Declared()
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    words = list(strings([*node.args, *keywords.values()]))
    spellings = tuple(word for word in words if word.startswith("-"))
    declared.options.update(spellings)
    first = next(strings(node.args[:1]), "")
    by_decorator = name_of(node.func) in ("argument", "option")
    if name_of(node.func) in ("add_argument", "add_arg", "argument") and first and not first.startswith("-"):
        declared.positional.append(first)
        if not _may_be_left_out(keywords, by_decorator=by_decorator):
            declared.required.append((first,))
        return declared
    given = [word for word in strings(node.args) if word.startswith("-")]
    # click takes a name without dashes among the spellings.
    meaning = next(strings([keywords["dest"]]), "") if "dest" in keywords else ""
    meaning = meaning or (next((word for word in strings(node.args) if not word.startswith("-")), "") if given else "")
    if meaning and given:
        declared.meanings[max(given, key=len)] = meaning
    if given and _is_true(keywords.get("required")) and "default" not in keywords:
        declared.required.append(tuple(given))
    variable = _SAGEMAKER.search(ast.unparse(keywords["default"])) if given and "default" in keywords else None
    if variable is not None:
        declared.sagemaker[max(given, key=len)] = variable[0]
    return declared


def from_parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef, *, typer: bool, only_declared: bool = False, between: str = "-"
) -> Declared:
    """typer and fire make options of a function's parameters; `only_declared`: click does so by decorators alone.
    `between`: what stands for the underscore of a name."""
    declared = Declared()
    given = function.args
    parameters = [*given.args, *given.kwonlyargs]
    defaults = [None] * (len(given.args) - len(given.defaults)) + list(given.defaults) + list(given.kw_defaults)
    for parameter, default in zip(parameters, defaults, strict=True):
        if parameter.arg in ("self", "cls", "ctx"):
            continue
        if not typer:
            declared.options.add(f"--{parameter.arg}")
            if default is None:
                declared.required.append((f"--{parameter.arg}",))
            continue
        call = default if isinstance(default, ast.Call) else _annotated(parameter.annotation)
        called = name_of(call.func) if call is not None else ""
        if only_declared and called not in ("Option", "Argument", "Parameter"):
            continue
        if called in ("Option", "Parameter") or (called != "Argument" and default is not None):
            named = [word for word in strings(_values(call)) if word.startswith("-")] if call is not None else []
            declared.options.update(named or [f"--{parameter.arg.replace('_', between)}"])
        elif called == "Argument" or parameter.annotation is not None:
            declared.positional.append(parameter.arg)
            if default is None:
                declared.required.append((parameter.arg,))
    return declared


def from_fields(node: ast.ClassDef, between: str) -> Declared:
    """Of a class whose fields a parser takes for options."""
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    names = [(f"--{ast.unparse(each.target).replace('_', between)}", each.value is None) for each in fields]
    return Declared(options={name for name, _ in names}, required=[(name,) for name, needed in names if needed])


def _may_be_left_out(keywords: dict[str | None, ast.expr], *, by_decorator: bool) -> bool:
    nargs = keywords.get("nargs")
    several = isinstance(nargs, ast.Constant) and nargs.value in _MAY_BE_EMPTY
    if by_decorator:  # click's `nargs=-1` takes none as well
        required = keywords.get("required")
        several = several or isinstance(nargs, ast.UnaryOp) or (required is not None and not _is_true(required))
        return several or "default" in keywords
    return several or isinstance(nargs, ast.Attribute)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "name")]


def _annotated(annotation: ast.expr | None) -> ast.Call | None:
    """The call in `Annotated[Path, typer.Option("--in")]`."""
    if isinstance(annotation, ast.Subscript) and name_of(annotation.value) == "Annotated":
        inner = annotation.slice
        items = inner.elts if isinstance(inner, ast.Tuple) else []
        return next((item for item in items if isinstance(item, ast.Call)), None)
    return None
