"""The two halves of the container contract are one."""

from __future__ import annotations

from aws_run import contract as tool
from aws_run_entrypoint import contract as container


def constants(module: object) -> dict[str, str]:
    return {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def test_both_sides_name_the_same_variables() -> None:
    assert constants(tool) == constants(container)
    assert tool.ALL == container.ALL


def test_every_name_is_in_the_list_of_all() -> None:
    assert set(constants(tool).values()) == set(tool.ALL)
