"""What an option is: one row of the table in `options`."""

from __future__ import annotations

from typing import Literal

from aws_run.config.value_types import ValueType
from aws_run.frozen import frozen

# What happens when two sources give a list or a map: the stronger one wins, or they add up (maps: key by key).
Merge = Literal["replace", "add"]


@frozen
class Option:
    """One setting, with every place that can set it and the one text that explains it.

    `key`: dotted place in aws-run.yaml, None = not in the file. `field`: dotted attribute of Config. `env`: its
    AWS_RUN_* variable. `flag`: its key among the flags that the CLI hands over, `short` its one-letter form, `metavar`
    the placeholder on the help page, `repeatable` whether each use of the flag adds an item. `shown_as`: what messages
    call the flag when it is not `--flag`. `default`: as one would write it in the file, where it is worth showing on
    the help page or is held in another unit.
    """

    key: str | None
    field: str
    env: str | None = None
    flag: str | None = None
    short: str | None = None
    shown_as: str = ""
    metavar: str | None = None
    repeatable: bool = False
    kind: ValueType
    help: str
    default: str | int | None = None
    merge: Merge = "replace"

    @property
    def name(self) -> str:
        """As shown where there is no better place to point at."""
        return self.key or self.shown_as or self.field

    @property
    def long_flag(self) -> str:
        return f"--{(self.flag or '').replace('_', '-')}"

    @property
    def shown_flag(self) -> str:
        return self.shown_as or self.long_flag


@frozen
class ExtraFlag:
    """A flag that is no setting itself: it names a file to read, or abbreviates an option. `metavar` None: a switch.
    `beside`: the flag that it follows on the help page; `key`: its place in aws-run.yaml, where it has one."""

    flag: str
    key: str | None = None
    short: str | None = None
    env: str | None = None
    metavar: str | None = None
    help: str
    beside: str

    @property
    def long_flag(self) -> str:
        return f"--{self.flag.replace('_', '-')}"
