"""Which options of a script take the two folders: -i and -o, longer spellings, its first two positional arguments, or
one of each kind."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import field, replace

from aws_run import contract
from aws_run.frozen import frozen
from aws_run.image.recipe.declared_options import Declared
from aws_run.image.recipe.option_reader import UNNAMED, OptionReader

_IN = ("input", "in", "data", "src", "source", "images", "inp")
_OUT = ("output", "out", "results", "result", "dst", "dest", "target", "save", "outp")
_ENDS = (
    "", "-dir", "-folder", "-path", "-directory", "dir", "-root", "-location", "-filepath", "folder", "path", "root",
)  # fmt: skip
SHORT = ("-i", "-o")
POSITIONAL = ("", "")
_INPUT, _OUTPUT = contract.FOLDER_MARKS
_CHANNEL = "SM_CHANNEL_"


@frozen
class Takes:
    """`arguments`: the option for the input and that for the output; an empty one is given without. `subcommand`: the
    words that stand before them. `placed`: the words that stand behind the program instead, folders included, where
    appending would not do. `required`: what else the script can't be started without."""

    arguments: tuple[str, str]
    subcommand: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    required: tuple[str, ...] = field(default=(), compare=False)

    @property
    def words(self) -> tuple[str, ...]:
        """What stands behind the program."""
        return self.placed or self.subcommand


def find_takes(tree: ast.Module) -> list[Takes]:
    """Empty: it takes neither, or it has subcommands whose names can't be told. Several: it has subcommands, and more
    than one of them takes both."""
    common, subcommands = OptionReader(tree).read()
    if not subcommands:
        takes = _match(common)
        return [takes] if takes is not None else []
    if UNNAMED in subcommands:
        return []
    matches = [(name, _match(declared)) for name, declared in sorted(subcommands.items())]
    own = [replace(takes, subcommand=(name,)) for name, takes in matches if takes is not None and not takes.placed]
    if own:
        return own
    above = _match(common)
    if above is None or "" in above.arguments:
        return []
    # What belongs to the program as a whole stands before the subcommand.
    words = [
        word for option, mark in zip(above.arguments, contract.FOLDER_MARKS, strict=True) for word in (option, mark)
    ]
    return [replace(above, placed=(*words, name)) for name in sorted(subcommands)]


def has_unnamed_subcommands(tree: ast.Module) -> bool:
    return UNNAMED in OptionReader(tree).read()[1]


def declares(tree: ast.Module, options: tuple[str, str]) -> bool:
    """Whether both are among the options that it declares; an empty one stands for an argument without."""
    common, subcommands = OptionReader(tree).read()
    named = {option for option in options if option}
    return bool(named) and any(named <= each.options for each in (common, *subcommands.values()))


def choose_pair(names: Iterable[str]) -> tuple[str, str] | None:
    """The likeliest two of them, for the input and the output."""
    names = list(names)
    first, second = _likeliest(names, _IN), _likeliest(names, _OUT)
    return (first, second) if first is not None and second is not None else None


def choose_input(names: Iterable[str]) -> str | None:
    return _likeliest(list(names), _IN)


def _match(declared: Declared) -> Takes | None:
    takes = _pair(declared)
    if takes is None:
        return None
    chosen = {*takes.arguments, *takes.placed, *declared.positional[: takes.arguments.count("")]}
    further = [each for each in declared.required if not chosen & set(each)]
    return replace(takes, required=tuple(dict.fromkeys(max(each, key=len) for each in further)))


def _pair(declared: Declared) -> Takes | None:
    if set(SHORT) <= declared.options:
        return Takes(arguments=SHORT)
    options = [option for option in declared.options if option.startswith("-")]
    by_meaning = {meaning: option for option, meaning in declared.meanings.items()}
    pair = choose_pair(options)
    if pair is None and (named := choose_pair([*options, *by_meaning])) is not None:
        pair = by_meaning.get(named[0], named[0]), by_meaning.get(named[1], named[1])
    if pair is not None:
        return Takes(arguments=pair)
    placed = _as_sagemaker_gives_them(declared.sagemaker)
    if placed:
        return Takes(arguments=SHORT, placed=placed)
    kinds = [_kind(name) for name in declared.positional[:2]]
    if kinds == ["in", "out"]:
        return Takes(arguments=POSITIONAL)
    if kinds == ["out", "in"]:
        return Takes(arguments=POSITIONAL, placed=(_OUTPUT, _INPUT))
    if kinds[:1] == ["in"]:
        option = _likeliest([*options, *by_meaning], _OUT) or ("-o" if "-o" in options else None)
        return Takes(arguments=("", by_meaning.get(option, option))) if option is not None else None
    if kinds[:1] == ["out"]:
        option = _likeliest([*options, *by_meaning], _IN) or ("-i" if "-i" in options else None)
        return Takes(arguments=(by_meaning.get(option, option), "")) if option is not None else None
    return None


def _as_sagemaker_gives_them(options: dict[str, str]) -> tuple[str, ...]:
    """A script of SageMaker's takes folders from its variables, as defaults of its options: one input folder for each
    channel, below a common one where there are several."""
    channels = {option: variable for option, variable in options.items() if variable.startswith(_CHANNEL)}
    inputs = {option: variable.removeprefix(_CHANNEL).lower() for option, variable in channels.items()}
    outputs = [option for option in options if option not in channels]
    if not inputs or not outputs:
        return ()
    words: list[str] = []
    for option, channel in inputs.items():
        words += [option, _INPUT if len(inputs) == 1 else f"{_INPUT}/{channel}"]
    for option in outputs:
        words += [option, _OUTPUT]
    return tuple(words)


def _kind(name: str) -> str:
    plain = _plain(name)
    return "in" if plain in _spellings(_IN) else "out" if plain in _spellings(_OUT) else ""


def _likeliest(names: list[str], stems: tuple[str, ...]) -> str | None:
    """`--input` before `--data-dir`."""
    by_name = {_plain(name): name for name in sorted(names)}
    return next((by_name[name] for name in _spellings(stems) if name in by_name), None)


def _spellings(stems: tuple[str, ...]) -> list[str]:
    return [f"{stem}{end}" for stem in stems for end in _ENDS]


def _plain(option: str) -> str:
    return option.lstrip("-").replace("_", "-").lower()
