"""The keys by which a hydra application takes the two folders: `data_dir=/in output_dir=/out` on its command line."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from aws_run.config.yamlfile import Mapping, Node, Scalar, Sequence, parse_yaml
from aws_run.errors import ConfigError, SourceError
from aws_run.image.recipe.declared_options import strings
from aws_run.image.recipe.script_options import choose_input, choose_pair
from aws_run.image.sources.source import Source

# Where hydra itself puts a run's files, for applications that have no key of their own.
_RUN_DIR = "hydra.run.dir"
_DEEPEST = 3


def find_hydra_arguments(path: str, tree: ast.Module, source: Source) -> tuple[str, str] | None:
    """None: the script is no hydra application, or its configuration names no input. The keys end with "="."""
    decorator = next(
        (
            each
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
            for each in node.decorator_list
            if isinstance(each, ast.Call) and ast.unparse(each.func) in ("hydra.main", "main")
        ),
        None,
    )
    if decorator is None:
        return None
    given = {keyword.arg: next(strings([keyword.value]), "") for keyword in decorator.keywords}
    folder = given.get("config_path") or next(strings(decorator.args[:1]), "")
    name = (given.get("config_name") or "config").removesuffix(".yaml")
    config = posixpath.normpath(posixpath.join(posixpath.dirname(path), folder, f"{name}.yaml"))
    if config not in source.paths:
        return None
    listed = sorted(_all_keys(config, source), key=lambda each: each.count("."))
    # `paths.data_dir` is found by its last part, else `data.root` by its last two, and the shallowest key counts.
    keys: dict[str, str] = {}
    for key in listed:
        keys.setdefault(key.rpartition(".")[2], key)
    for key in listed:
        keys.setdefault("-".join(key.split(".")[-2:]), key)
    pair = choose_pair(keys)
    if pair is not None:
        return f"{keys[pair[0]]}=", f"{keys[pair[1]]}="
    first = choose_input(keys)
    return (f"{keys[first]}=", f"{_RUN_DIR}=") if first is not None else None


def _all_keys(config: str, source: Source) -> list[str]:
    """Of the configuration, and of the groups that its defaults choose (`- data: mnist` is data/mnist.yaml)."""
    mapping = _read(config, source)
    keys = list(_keys(mapping)) if mapping is not None else []
    defaults = mapping.items.get("defaults") if mapping is not None else None
    for item in defaults.items if isinstance(defaults, Sequence) else ():
        for group, chosen in item.items.items() if isinstance(item, Mapping) else ():
            if isinstance(chosen, Scalar) and not group.startswith(("override ", "optional ", "/", "hydra")):
                path = posixpath.join(posixpath.dirname(config), group, f"{chosen.text.removesuffix('.yaml')}.yaml")
                keys += _keys(_read(posixpath.normpath(path), source), f"{group.replace('/', '.')}.")
    return keys


def _read(path: str, source: Source) -> Mapping | None:
    """None where it is not there, or can't be read."""
    try:
        return parse_yaml(source.read_text(path), path) if path in source.paths else None
    except (ConfigError, SourceError):
        return None


def _keys(mapping: Node | None, before: str = "") -> Iterator[str]:
    """Dotted, those of plain values only: a group of settings can't be overridden by a path."""
    if not isinstance(mapping, Mapping) or before.count(".") >= _DEEPEST:
        return
    for name, value in mapping.items.items():
        key = f"{before}{name}"
        if isinstance(value, Scalar):
            yield key
        elif name not in ("defaults", "hydra"):
            yield from _keys(value, f"{key}.")
