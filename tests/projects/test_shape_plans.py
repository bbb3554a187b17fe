"""Every shape of project is planned, with no word of what it is from the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_run.errors import SourceError

from .shape_table import Shape, plan_shape, read_shapes

ALL = list(read_shapes())


def test_there_are_thirty_and_more() -> None:
    assert len(ALL) >= 30
    assert sum(shape.answer is not None for shape in ALL) >= 24


@pytest.mark.parametrize("shape", ALL, ids=[shape.name for shape in ALL])
def test_a_shape_is_planned_or_refused_with_what_to_do(tmp_path: Path, shape: Shape) -> None:
    root = shape.copy_to(tmp_path)
    if shape.refusal is None:
        plan = plan_shape(root)
        assert plan.notes
        return
    with pytest.raises(SourceError) as caught:
        plan_shape(root)
    assert shape.refusal in caught.value.message
    assert caught.value.hint
