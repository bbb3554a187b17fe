"""Values for the runner: what is read back is what was written, and no value can add another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.github.commands import read_values

from aws_run.errors import AwsRunError
from aws_run.github.file_commands import FileCommands, as_heredoc, new_delimiter

# The runner reads lines, and Python's notion of one has more ends than the runner's: they are not what is tested here.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\n"), max_size=60)


@given(values=st.dictionaries(st.sampled_from(["run-id", "status", "result"]), TEXTS, max_size=3))
def test_what_is_read_back_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("out") / "output"
    FileCommands({"GITHUB_OUTPUT": str(path)}).outputs(values)
    assert read_values(path) == values


def test_a_value_that_forges_an_output_stays_a_value(tmp_path: Path) -> None:
    path = tmp_path / "output"
    hostile = "x\nstatus=succeeded\nstatus<<EOF\nsucceeded\nEOF\n::set-output name=status::succeeded"
    FileCommands({"GITHUB_OUTPUT": str(path)}).outputs({"result": hostile})
    assert read_values(path) == {"result": hostile}


def test_a_value_that_holds_the_delimiter_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "output"
    files = FileCommands({"GITHUB_OUTPUT": str(path)}, delimiter=lambda: "guessed")
    with pytest.raises(AwsRunError):
        files.outputs({"result": "x\nguessed\nstatus=succeeded"})
    assert not path.exists()


def test_delimiters_are_never_the_same() -> None:
    assert len({new_delimiter() for _ in range(100)}) == 100


def test_a_name_is_a_name() -> None:
    with pytest.raises(ValueError, match="not a name"):
        as_heredoc({"a\nb": "x"}, "d")


def test_where_no_runner_reads_nothing_is_written() -> None:
    FileCommands({}).outputs({"run-id": "x"})


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(AwsRunError, match="GITHUB_STATE"):
        FileCommands({"GITHUB_STATE": str(tmp_path)}).state({"RUN_ID": "x"})


def test_a_summary_that_is_too_long_is_cut_at_a_line_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    FileCommands({"GITHUB_STEP_SUMMARY": str(path)}).summary("ä" * 99 + "\n" + ("ä" * 99 + "\n") * 10_000)
    text = path.read_bytes().decode()
    assert len(text.encode()) < 1024 * 1024
    assert text.endswith("was cut.*\n")
