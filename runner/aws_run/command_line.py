"""The command line that a job is started with, by the container's own rules."""

from __future__ import annotations

from collections.abc import Sequence

from aws_run_entrypoint.command_line import add_folders, has_places, place_folders

__all__ = ["has_places", "shown"]


def shown(command: Sequence[str], args: Sequence[str], options: tuple[str, str]) -> tuple[str, ...]:
    """`command` with its arguments, INPUT and OUTPUT standing for the two folders. `options`: what they follow where
    the command does not say itself where they go; an empty one stands for a folder alone."""
    words = (*command, *args)
    if has_places(command):
        return tuple(place_folders(words, "INPUT", "OUTPUT"))
    return tuple(add_folders(words, options, "INPUT", "OUTPUT"))
