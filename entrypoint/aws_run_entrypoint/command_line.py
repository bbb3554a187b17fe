"""Where the two folders stand in the command line that a job is started with. The plan shows it by the same rules."""

from __future__ import annotations

import re
from typing import List, Sequence, Tuple

from . import contract

_MARKS = re.compile("|".join(map(re.escape, contract.FOLDER_MARKS)))


def has_places(command: Sequence[str]) -> bool:
    """Whether a command says itself where both folders go. One mark alone may be a text of the command's own."""
    return all(any(mark in word for word in command) for mark in contract.FOLDER_MARKS)


def place_folders(command: Sequence[str], input_dir: str, output_dir: str) -> List[str]:
    folders = dict(zip(contract.FOLDER_MARKS, (input_dir, output_dir)))  # noqa: B905 - strict came with Python 3.10
    return [_MARKS.sub(lambda match: folders[match[0]], word) for word in command]


def add_folders(command: Sequence[str], arguments: Tuple[str, str], input_dir: str, output_dir: str) -> List[str]:
    """An empty option gives the folder alone, one that ends with "=" both as one word."""
    argv = list(command)
    for option, folder in ((arguments[0], input_dir), (arguments[1], output_dir)):
        if option.endswith("="):
            argv.append(option + folder)
        else:
            argv.extend([option, folder] if option else [folder])
    return argv
