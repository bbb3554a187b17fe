"""Where settings come from: the file, the environment and the flags. Each source yields `Setting` values, parsed and
checked one by one; `load` weighs them against each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from aws_run import contract
from aws_run.config import inputs, options, yamlfile
from aws_run.config.envfile import read_env_file
from aws_run.config.options import OPTIONS, Option
from aws_run.config.value_types import closest, did_you_mean
from aws_run.config.where import Mistakes, extended, in_file, refusal
from aws_run.errors import ConfigError
from aws_run.frozen import frozen


class Rank(IntEnum):
    """The sources, stronger ones higher."""

    PROJECT_ENV_FILE = 0
    FILE = 1
    ENVIRONMENT = 2
    ENV_FILE = 3
    FLAG = 4
    SPOT_FLAG = 5  # --spot beside --spot-policy


S = TypeVar("S")
T = TypeVar("T")
# AWS_RUN_LOCAL… is the embedded AWS's, AWS_RUN_TEST… the test suite's.
_OTHER_PREFIXES = ("AWS_RUN_LOCAL", "AWS_RUN_TEST")

_SECRET = ("env", "secrets")  # their values may be passwords
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Messages about these name the value as well: "-i data: no such folder".
_PATHS = ("inputs", "output")


@frozen
class Setting:
    """One setting from one source. `where` begins messages about it: `--memory`, `aws-run.yaml:12: resources.memory`.
    `base`: what relative paths are relative to. `hidden`: the one overridden.
    `by_project`: from a file of the project's own folder, which may be anybody's. `from_shell`: the variables whose
    values were taken from the user's shell, each with the place that says so."""

    option: Option
    value: Any
    where: str
    base: Path
    rank: Rank
    hidden: Setting | None = None
    by_project: bool = False
    from_shell: Mapping[str, str] = field(default_factory=dict)


@frozen
class Environment:
    """The process's environment. `needs_env` False: the job's variables are not needed, so one that the shell lacks is
    left out without an error (`aws-run ps` must work in any shell). `shown_flags`: what messages call a flag that was
    given in another way, by its key in the table."""

    cwd: Path
    environ: Mapping[str, str]
    needs_env: bool = True
    shown_flags: Mapping[str, str] = field(default_factory=dict)


def from_file(
    top: yamlfile.Mapping, base: Path, shown: str, around: Environment, *, by_project: bool = False
) -> Iterator[Setting]:
    """The settings of an aws-run.yaml. Its paths are relative to `base`; messages call the file `shown`. Raises
    ConfigError, which names every key that is wrong, before it yields one."""
    _check_version(top, shown)  # in a file of another version, other keys are right
    mistakes = Mistakes(shown)
    settings = [replace(given, by_project=by_project) for given in _from_file(top, base, shown, around, mistakes)]
    mistakes.refuse()
    yield from settings


def _from_file(
    top: yamlfile.Mapping, base: Path, shown: str, around: Environment, mistakes: Mistakes
) -> Iterator[Setting]:
    sections = {option.key.partition(".")[0] for option in OPTIONS if option.key and "." in option.key}
    for key, node in top.items.items():
        where = in_file(shown, top.key_lines[key], key)
        if key == "version" or key in options.FILE_KEYS:
            continue
        if key not in sections:
            with mistakes.noted():
                yield from list(_leaf(key, node, around, where=where, shown=shown, base=base))
        elif isinstance(node, yamlfile.Mapping):
            for inner, child in node.items.items():
                inner_where = in_file(shown, node.key_lines[inner], f"{key}.{inner}")
                with mistakes.noted():
                    yield from list(_leaf(f"{key}.{inner}", child, around, where=inner_where, shown=shown, base=base))
        elif not (isinstance(node, yamlfile.Scalar) and node.is_null):
            inside = ", ".join(str(option.key).partition(".")[2] for option in OPTIONS if _in(option, key))
            with mistakes.noted():
                raise refusal(where, f"must hold keys and values: {inside}")


def from_environment(around: Environment) -> Iterator[Setting]:
    check_variable_names(around.environ)
    for option in OPTIONS:
        text = around.environ.get(option.env or "", "")
        if not option.env or not text.strip():
            continue  # CI systems set a variable that was left empty to ""
        where = f"{option.env} {text}" if option.field in _PATHS else option.env
        yield _from_text(option, text, where, around, rank=Rank.ENVIRONMENT)


def check_variable_names(environ: Mapping[str, str]) -> None:
    known = {*options.VARIABLES, *contract.ALL}
    for name in sorted(environ):
        if name.startswith("AWS_RUN_") and name not in known and not name.startswith(_OTHER_PREFIXES):
            raise ConfigError(
                f"the environment has {name}, which is not a setting of aws-run{did_you_mean(name, options.VARIABLES)}",
                hint=f"unset {name}",
            )


def from_flags(flags: Mapping[str, Any], around: Environment) -> Iterator[Setting]:
    for option in OPTIONS:
        value = flags.get(option.flag) if option.flag else None
        if value is None or value == ():
            continue
        where = around.shown_flags.get(option.flag or "", option.shown_flag)
        if option.field in _PATHS:
            where = _with_value(where, " ", value)
        yield _from_text(option, value, where, around, rank=Rank.FLAG)
    if flags.get("spot"):
        yield Setting(
            option=options.option_of("spot_policy"),
            value="spot",
            where=around.shown_flags.get("spot", "--spot"),
            base=around.cwd,
            rank=Rank.SPOT_FLAG,
        )


def from_env_file(path: Path, shown: str, around: Environment, *, by_project: bool = False) -> Setting:
    """--env-file: overrides aws-run.yaml, and --env overrides it."""
    return _from_env_file(path, shown, around, Rank.ENV_FILE, by_project=by_project, named_by=f"--env-file {shown}")


def _from_env_file(
    path: Path, shown: str, around: Environment, rank: Rank, *, by_project: bool, named_by: str
) -> Setting:
    """`named_by` begins messages about it."""
    option = options.option_of("env")
    values: dict[str, str] = {}
    from_shell: dict[str, str] = {}
    for line, name, value in read_env_file(path, named_by):
        where = f"{named_by}:{line}"
        values.update(_pair(option, name, value, around, where=where, may_name_it=False))
        from_shell.pop(name, None)
        if value is None:
            from_shell[name] = where
    return Setting(
        option=option,
        value=values,
        where=shown,
        base=around.cwd,
        rank=rank,
        by_project=by_project,
        from_shell=from_shell,
    )


def from_project_env_file(
    top: yamlfile.Mapping, base: Path, shown: str, around: Environment, project_dir: Path, *, by_project: bool
) -> Iterator[Setting]:
    """`env_file:` of aws-run.yaml, which its `env:` overrides. ConfigError where it is not one of the project's files:
    what a project names would be read with the user's rights."""
    node = top.items.get("env_file")
    if node is None or (isinstance(node, yamlfile.Scalar) and node.is_null) or not around.needs_env:
        return
    where = f"{shown}:{top.key_lines['env_file']}: env_file"
    if not isinstance(node, yamlfile.Scalar):
        raise refusal(where, "must be a single path")
    path = base / node.text
    try:
        inside = path.resolve().is_relative_to(project_dir)
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        raise refusal(where, f"{node.text} lies outside of the project", hint=f"give it with --env-file {node.text}")
    yield _from_env_file(
        path, node.text, around, Rank.PROJECT_ENV_FILE, by_project=by_project, named_by=f"{where}: {node.text}"
    )


def _with_value(where: str, between: str, value: Any) -> str:
    """`where` with its value, unless there are several: then the message itself names the one it is about."""
    one = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return where if isinstance(one, tuple) else extended(where, f"{between}{one}")


def _in(option: Option, section: str) -> bool:
    return option.key is not None and option.key.startswith(f"{section}.")


def _check_version(top: yamlfile.Mapping, shown: str) -> None:
    node = top.items.get("version")
    if node is not None and not (isinstance(node, yamlfile.Scalar) and node.text == "1"):
        raise refusal(
            in_file(shown, node.line),
            "version: only version 1 is known to this aws-run",
            hint="write `version: 1`, or upgrade aws-run if the file is from a newer one",
        )


def _leaf(
    key: str, node: yamlfile.Node, around: Environment, *, where: str, shown: str, base: Path
) -> Iterator[Setting]:
    option = next((option for option in OPTIONS if option.key == key), None)
    if option is None:
        raise _unknown_key(key, where)
    if isinstance(node, yamlfile.Scalar) and node.is_null and option.kind.shape != "map":
        return  # `python: null` means the same as leaving it out
    value = _node_value(option, node, around, where=where, shown=shown)
    from_shell: dict[str, str] = {}
    if option.kind.from_shell and isinstance(node, yamlfile.Mapping):
        nulls = [name for name, child in node.items.items() if isinstance(child, yamlfile.Scalar) and child.is_null]
        from_shell = {name: f"{shown}:{node.key_lines[name]}: {key}.{name}" for name in nulls}
    if option.field in _PATHS:
        where = _with_value(where, ": ", value)
    yield Setting(option=option, value=value, where=where, base=base, rank=Rank.FILE, from_shell=from_shell)


def _unknown_key(key: str, where: str) -> ConfigError:
    section, _, word = key.rpartition(".")
    elsewhere = next((option for option in OPTIONS if option.key is None and option.field == word), None)
    if elsewhere is not None:
        ways = " or ".join(filter(None, (elsewhere.shown_flag, elsewhere.env)))
        return refusal(where, f"can't be set in the file; use {ways}")
    keys = [*(option.key for option in OPTIONS if option.key), *options.FILE_KEYS]
    beside = {full.rpartition(".")[2] for full in keys if full.rpartition(".")[0] == section}
    if not section:
        beside |= {full.partition(".")[0] for full in keys} | {"version"}
    near = did_you_mean(word, beside)
    if not near:
        # The right key in the wrong section: `memory: 16GB` at the top.
        inner = {full.rpartition(".")[2]: full for full in keys}
        leaf = closest(word, inner)
        near = f'; did you mean "{inner[leaf]}"?' if leaf else ""
    return refusal(where, f"unknown key{near}")


def _node_value(option: Option, node: yamlfile.Node, around: Environment, *, where: str, shown: str) -> Any:
    kind = option.kind
    if kind.shape == "inputs":
        return _inputs_of(node, where, shown)
    if kind.shape == "map":
        if isinstance(node, yamlfile.Scalar) and node.is_null:
            return {}
        if not isinstance(node, yamlfile.Mapping):
            raise refusal(where, "must hold names and values")
        pairs: dict[str, str] = {}
        for name, child in node.items.items():
            place = in_file(shown, node.key_lines[name], f"{option.key}.{name}")
            if not isinstance(child, yamlfile.Scalar):
                raise refusal(place, "must be a single value")
            pairs.update(_pair(option, name, None if child.is_null else child.text, around, where=place))
        return pairs
    if isinstance(node, yamlfile.Sequence) and kind.shape in {"list", "argv"}:
        items: list[Any] = []
        for child in node.items:
            place = in_file(shown, child.line, f"{option.key}[{len(items)}]")
            if not isinstance(child, yamlfile.Scalar) or child.is_null:
                raise refusal(place, "must be a single value")
            items.append(child.text if kind.shape == "argv" else _checked(kind.parse, child.text, place))
        if kind.shape == "argv" and not items:
            raise refusal(where, "is empty")
        return tuple(items)
    if kind.shape == "list":
        text = node.text if isinstance(node, yamlfile.Scalar) else "…"
        raise refusal(where, f"must be a list, like [{text}]")
    if not isinstance(node, yamlfile.Scalar):
        raise refusal(where, "must be a single value")
    return _checked(kind.parse, node.text, where)


def _inputs_of(node: yamlfile.Node, where: str, shown: str) -> tuple[inputs.NamedInput, ...]:
    if isinstance(node, yamlfile.Scalar):
        return _checked(inputs.from_yaml, node.text, where)
    if not isinstance(node, yamlfile.Mapping):
        raise refusal(where, "must be one path, or names and paths, like {data: ./data, model: s3://bucket/m}")
    places: dict[str, str] = {}
    for name, child in node.items.items():
        if not isinstance(child, yamlfile.Scalar) or child.is_null:
            raise refusal(in_file(shown, node.key_lines[name], f"input.{name}"), "must be a single path")
        places[name] = child.text
    return _checked(inputs.from_yaml, places, where)


def _from_text(option: Option, raw: Any, where: str, around: Environment, *, rank: Rank) -> Setting:
    """The setting that a flag or a variable gives: `raw` is a text, or the texts of a repeated flag."""
    kind = option.kind
    value: Any
    if kind.shape == "inputs":  # commas are common in the names of folders
        several = tuple(_checked(inputs.parse_input, item, where) for item in _items(raw, r"\n"))
        value = _checked(inputs.together, several, where)
    elif kind.shape == "list":
        value = tuple(_checked(kind.parse, item, where) for item in _items(raw, r"[,\n]"))
    elif kind.shape == "map":
        value = {}
        # Commas are common in the values of env, so only line breaks separate its entries.
        for number, item in enumerate(_items(raw, r"\n" if option.field == "env" else r"[,\n]"), start=1):
            # A value of several lines is split here: what does not look like a name may be a piece of a key.
            place = f"{where}, entry {number}" if rank == Rank.ENVIRONMENT else where
            name, equals, text = item.partition("=")
            if option.field in _SECRET and not _NAME.fullmatch(name.strip() if equals else item):
                raise refusal(place, "is not NAME=VALUE", hint="a value has to stand on one line")
            if not equals and not kind.from_shell:
                shown = "" if option.field in _SECRET else f'"{item}" '
                raise refusal(place, f"{shown}must be NAME=VALUE")
            may_name_it = rank != Rank.ENVIRONMENT or bool(equals)
            where_it_is = f"{place} {name}" if may_name_it else place
            text_or_shell = text if equals else None
            value.update(_pair(option, name, text_or_shell, around, where=where_it_is, may_name_it=may_name_it))
    else:
        value = _checked(kind.parse, str(raw), where)
    return Setting(option=option, value=value, where=where, base=around.cwd, rank=rank)


def _items(raw: Any, between: str) -> list[str]:
    """The values of a repeated flag are taken as typed; a single text (a variable, `--subnets a,b`) is split."""
    if not isinstance(raw, str):
        return [str(item) for item in raw]
    return [part.strip() for part in re.split(between, raw) if part.strip()]


def _pair(
    option: Option, name: str, value: str | None, around: Environment, *, where: str, may_name_it: bool = True
) -> dict[str, str]:
    """`may_name_it` False: the name may in truth be a piece of a secret, so no message repeats it."""
    key = _checked(option.kind.parse_key, name, where)
    if value is None:
        if not option.kind.from_shell:
            raise refusal(where, "has no value")
        value = around.environ.get(key)
        if value is None and not around.needs_env:
            return {}
        if value is None and not may_name_it:
            raise refusal(
                where,
                "names a variable that is not set in the shell",
                hint="a line without `=` is taken from the shell; a value has to stand on one line, as NAME=VALUE",
            )
        if value is None:
            raise refusal(where, f"{key} is not set in the shell", hint=f"export {key}=…, or give a value")
    return {key: str(_checked(option.kind.parse, value, where))}


def _checked(parse: Callable[[S], T], text: S, where: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise refusal(where, f"{error}") from None
