"""The shapes that need no container run as processes, as `--runtime process` runs them, and their jobs give the answers
that their READMEs name. A part of them runs with every change (tests/conftest.py), all at night."""

from __future__ import annotations

from pathlib import Path

import pytest

from .shape_table import Shape, plan_shape, read_shapes
from .support import run_plan

RUN = [shape for shape in read_shapes() if shape.answer is not None]


@pytest.mark.parametrize("shape", RUN, ids=[shape.name for shape in RUN])
def test_a_shape_runs_and_gives_its_answer(tmp_path: Path, shape: Shape) -> None:
    source = tmp_path / "in"
    (source / "more").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "more/b.txt").write_text("b")
    ran = run_plan(plan_shape(shape.copy_to(tmp_path)), source)
    assert ran.answer == shape.answer
