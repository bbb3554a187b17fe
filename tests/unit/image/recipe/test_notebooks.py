"""A notebook is executed with the folders as parameters, or one sentence says why it can't be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.image.support import LAYER, config_of, source_of, write

from aws_run.errors import SourceError
from aws_run.image.plan import plan_image, standard_dockerfile
from aws_run.image.recipe.command import command_for, find_program, program_of
from aws_run.image.recipe.recipe import StandardRecipe


def notebook(source: str | list[str], *, tags: tuple[str, ...] = ("parameters",), language: str = "python") -> str:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# parameters"]},
        {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source},
    ]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "conda-x", "language": language}}})


PARAMETERS = "%matplotlib inline\nDATA_DIR: str = 'data'\nepochs = 3\nout_path = 'out'\n"


def test_the_parameters_cell_says_where_the_folders_go(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"notebooks/a b.ipynb": notebook(PARAMETERS), "util.py": "X = 1\n"})
    program = find_program(source)
    assert program.command == (
        *("papermill", "notebooks/a b.ipynb", "{output}/a b.ipynb", "--kernel", "python3", "--cwd", "notebooks"),
        *("--log-output", "--no-progress-bar", "-p", "DATA_DIR", "{input}", "-p", "out_path", "{output}"),
    )
    assert program.tools == ("papermill", "ipykernel")


def test_the_plan_tells_it_and_the_image_gets_what_executes_it(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"a.ipynb": notebook(["input_dir = 1\n", "output_dir = 2"])})
    plan = plan_image(config_of(root), entrypoint_layer=lambda: LAYER)
    assert isinstance(plan.recipe, StandardRecipe)
    assert "a.ipynb is executed by papermill, with the folders as input_dir and output_dir" in plan.notes[0]
    assert plan.notes[1] == "papermill and ipykernel are installed for it"
    assert "uv pip install --python /opt/venv/bin/python $TOOLS" in standard_dockerfile(plan.recipe)
    script = write(
        tmp_path / "other", {"main.py": "import argparse\np.add_argument('-i')\np.add_argument('-o')\nrun()\n"}
    )
    other = plan_image(config_of(script), entrypoint_layer=lambda: LAYER)
    assert isinstance(other.recipe, StandardRecipe)
    assert "$TOOLS" not in standard_dockerfile(other.recipe)


def test_names_that_the_user_gives_need_no_parameters_cell(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"a.ipynb": notebook("x = 1", tags=())})
    command = program_of(("a.ipynb",), source, ("where_from", "where_to")).command
    assert command[-6:] == ("-p", "where_from", "{input}", "-p", "where_to", "{output}")


def test_a_script_that_takes_the_folders_goes_before_a_notebook(tmp_path: Path) -> None:
    script = "import argparse\np.add_argument('--input')\np.add_argument('--output')\nrun()\n"
    source = source_of(tmp_path, {"a.ipynb": notebook(PARAMETERS), "main.py": script})
    assert find_program(source).command == ("python", "main.py")
    assert program_of(("a.ipynb",), source).command[0] == "papermill"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.ipynb": notebook("input_dir = 1", tags=())}, "a.ipynb has no cell that is tagged `parameters`"),
        ({"a.ipynb": notebook("x = 1\ny = 2")}, "The parameters cell of a.ipynb sets x, y"),
        ({"a.ipynb": notebook("!pip install (")}, "sets nothing"),
        ({"a.ipynb": notebook(PARAMETERS, language="R")}, "a.ipynb is a notebook in r"),
        ({"a.ipynb": "{}"}, "holds no cells"),
        ({"a.ipynb": "[" * 100_000}, "is not a notebook"),
        (
            {"a.ipynb": notebook(PARAMETERS), "b/c.ipynb": notebook(PARAMETERS)},
            "Several notebooks take the two folders: a.ipynb, b/c.ipynb",
        ),
        ({"a.ipynb": notebook("x = 1"), "b.ipynb": notebook("x = 1", tags=())}, "None of the notebooks"),
        (
            {"a.ipynb": notebook(PARAMETERS), "main.py": "import argparse\np.add_argument('-i'\n"},
            "main.py does not parse: line 2",
        ),
    ],
)
def test_why_a_notebook_is_not_executed(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError) as caught:
        find_program(source_of(tmp_path, files))
    assert message in caught.value.message
    assert caught.value.hint


def test_one_of_several_is_chosen_by_the_command(tmp_path: Path) -> None:
    files = {"a.ipynb": notebook(PARAMETERS), "b/c.ipynb": notebook(PARAMETERS)}
    assert program_of(("b/c.ipynb",), source_of(tmp_path, files)).command[1] == "b/c.ipynb"
    with pytest.raises(SourceError, match="which is not in"):
        program_of(("d.ipynb",), source_of(tmp_path, files))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["parameters", "code", "python"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "metadata", "tags", "source", "kernelspec", "language"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.just("cells"), st.lists(json_values, max_size=4), min_size=1), json_values)
def test_any_document_is_a_notebook_or_a_sentence(
    tmp_path: Path, document: dict[str, object], metadata: object
) -> None:
    source = source_of(tmp_path, {"a.ipynb": json.dumps({**document, "metadata": metadata})})
    try:
        program = find_program(source)
    except SourceError:
        return
    assert {"{input}", "{output}"} <= set(program.command)


def test_a_parameters_cell_with_escapes_of_its_own_is_read_without_a_warning(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"a.ipynb": notebook("pattern = '\\d'\ninput_dir = 1\noutput_dir = 2\n")})
    assert find_program(source).command[-6:] == ("-p", "input_dir", "{input}", "-p", "output_dir", "{output}")


def test_a_script_with_escapes_of_its_own_is_read_without_a_warning() -> None:
    assert command_for("tool/run.py", "from . import a\nPATTERN = '\\d'\n") == ("python", "-m", "tool.run")
