"""The two halves of the container contract are one."""

from __future__ import annotations

import json

import pytest

from aws_run import contract as tool
from aws_run_entrypoint import contract as container


def constants(module: object) -> dict[str, str]:
    return {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def test_both_sides_name_the_same_variables() -> None:
    assert constants(tool) == constants(container)
    assert tool.ALL == container.ALL


def test_both_sides_name_the_same_reasons_for_an_end() -> None:
    assert {one.name: one.value for one in tool.EndReason} == {one.name: one.value for one in container.EndReason}


@pytest.mark.parametrize("reason", container.EndReason)
def test_a_reason_is_written_as_its_value(reason: container.EndReason) -> None:
    assert (f"{reason}", str(reason), json.loads(json.dumps([reason], indent=1))) == (
        reason.value,
        reason.value,
        [reason.value],
    )


def test_every_name_is_in_the_list_of_all() -> None:
    assert set(constants(tool).values()) == set(tool.ALL)
