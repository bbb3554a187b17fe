"""What a script calls the words of its command line where it reads `sys.argv` itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from aws_run.image.recipe.declared_options import name_of

_USAGE = re.compile(r"usage:\s+(?:python[\d.]*\s+)?(?:\S+\.py|%s|\{\})\s+(?P<words>\S[^\n]{0,200})", re.IGNORECASE)
_WORD = re.compile(r"[<\[{]?(?P<name>[A-Za-z][\w-]*)[>\]}]?")


def argv_names(tree: ast.Module, functions: Mapping[str, ast.FunctionDef]) -> dict[int, str]:
    """Place → name, from assignments (`out = Path(sys.argv[2])`) and from calls of the script's own functions
    (`main(sys.argv[1], sys.argv[2])`, `main(*sys.argv[1:])`); else from the usage that it prints."""
    reader = _Reader(_starts(tree, functions))
    at = _usage(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            at.update(reader.assigned(node.targets[0], node.value))
        elif isinstance(node, ast.Call) and name_of(node.func) in functions:
            at.update(reader.handed_over(node, functions[name_of(node.func)]))
    return at


def _usage(tree: ast.Module) -> dict[int, str]:
    """Of `usage: main.py IN_DIR OUT_DIR`, where the script looks at `sys.argv`."""
    nodes = list(ast.walk(tree))
    if not any(isinstance(node, ast.Attribute) and node.attr == "argv" for node in nodes):
        return {}
    for node in nodes:
        usage = _USAGE.search(_text(node))
        if usage is not None:
            words = [_WORD.fullmatch(word) for word in usage["words"].split()]
            if all(words):
                named = (word["name"].lower().replace("-", "_") for word in words if word is not None)
                return dict(enumerate(named, 1))
    return {}


def _text(node: ast.AST) -> str:
    """What the node says, with `{}` for what it is told while it runs; empty: it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) or "{}" for each in node.values)
    return ""


def _starts(tree: ast.Module, functions: Mapping[str, ast.FunctionDef]) -> dict[str, int]:
    """Names that stand for `sys.argv`, or for what is left of it, and where that begins."""
    plain = _Reader({})
    starts = {
        parameter.arg: 0 for each in functions.values() for parameter in each.args.args if parameter.arg == "argv"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            start = plain.start(node.value)
            if start is not None:
                starts[node.targets[0].id] = start
        elif isinstance(node, ast.Call) and name_of(node.func) in functions:
            parameters = functions[name_of(node.func)].args.args
            for parameter, value in zip(parameters, node.args, strict=False):
                start = plain.start(value)
                if start is not None:
                    starts[parameter.arg] = start
    return starts


class _Reader:
    """`starts`: names that stand for `sys.argv`, and where they begin."""

    def __init__(self, starts: Mapping[str, int]) -> None:
        self._starts = starts

    def start(self, node: ast.expr) -> int | None:
        """Where a whole `sys.argv`, or `sys.argv[1:]`, begins; also `map(Path, sys.argv[1:])`."""
        if isinstance(node, ast.Call) and name_of(node.func) == "map" and len(node.args) == 2:
            node = node.args[1]
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)) and len(node.generators) == 1:
            node = node.generators[0].iter
        if isinstance(node, ast.Attribute) and node.attr == "argv":
            return 0
        if isinstance(node, ast.Name):
            return self._starts.get(node.id)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            base, lower = self.start(node.value), node.slice.lower
            first = lower.value if isinstance(lower, ast.Constant) else 0 if lower is None else None
            return base + first if base is not None and isinstance(first, int) else None
        return None

    def place(self, node: ast.expr) -> int | None:
        """N of `sys.argv[N]`, alone or in a call like `Path(…)`."""
        if isinstance(node, ast.Call) and len(node.args) == 1:
            node = node.args[0]
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            base, at = self.start(node.value), node.slice.value
            return base + at if base is not None and isinstance(at, int) and at >= 0 else None
        return None

    def assigned(self, target: ast.expr, value: ast.expr) -> Iterator[tuple[int, str]]:
        if isinstance(target, ast.Name):
            place = self.place(value)
            if place is not None:
                yield place, target.id
        elif isinstance(target, ast.Tuple):
            names = [each.id if isinstance(each, ast.Name) else "" for each in target.elts]
            if isinstance(value, ast.Tuple) and len(value.elts) == len(names):
                for each, name in zip(value.elts, names, strict=True):
                    yield from self.assigned(ast.Name(id=name), each)
            elif (start := self.start(value)) is not None:
                yield from ((start + offset, name) for offset, name in enumerate(names))

    def handed_over(self, call: ast.Call, function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
        names = [parameter.arg for parameter in function.args.args]
        for name, value in zip(names, call.args, strict=False):
            if isinstance(value, ast.Starred):
                start = self.start(value.value)
                if start is not None:
                    yield from ((start + offset, each) for offset, each in enumerate(names[names.index(name) :]))
                return
            place = self.place(value)
            if place is not None:
                yield place, name
        for keyword in call.keywords:
            place = self.place(keyword.value)
            if keyword.arg and place is not None:
                yield place, keyword.arg
