"""The CLI's flags are the rows of `config`'s table: one name, one help text."""

from __future__ import annotations

import click
import pytest

from aws_run.cli.commands.submit import plan, submit
from aws_run.config.models import SECTIONS, Config
from aws_run.config.options import EXTRA_FLAGS, FLAGS, OPTIONS, ExtraFlag, Option
from aws_run.config.schema import default_of
from aws_run.errors import ConfigError

FLAGGED = [option for option in OPTIONS if option.flag and option.flag != "args"]
# What `submit` has of its own: no setting of a run.
OWN = {"verbose", "quiet", "path", "args", "runtime", "detach", "dry_run", "save_spec", "local", "as_json", "debug"}


def options_of(command: click.Command) -> dict[str, click.Parameter]:
    return {str(parameter.name): parameter for parameter in command.params}


@pytest.mark.parametrize("row", [*FLAGGED, *EXTRA_FLAGS], ids=lambda row: str(row.flag))
def test_each_row_with_a_flag_is_an_option_of_submit_with_the_rows_own_help_text(row: Option | ExtraFlag) -> None:
    made = options_of(submit)[str(row.flag)]
    assert isinstance(made, click.Option)
    assert row.long_flag in made.opts
    assert row.short is None or row.short in made.opts
    assert str(made.help).startswith(row.help)
    assert made.is_flag or made.metavar == row.metavar is not None


def test_submit_has_no_setting_that_the_table_does_not_know() -> None:
    rows = {*(row.flag for row in FLAGGED), *(row.flag for row in EXTRA_FLAGS)}
    assert set(options_of(submit)) - OWN == rows
    assert set(options_of(plan)) == set(options_of(submit)) - {"detach", "dry_run", "quiet", "save_spec"}
    assert rows - {"file", "trust_project_file"} == FLAGS - {"args"}


@pytest.mark.parametrize("row", FLAGGED, ids=lambda row: str(row.flag))
def test_a_default_on_the_help_page_is_the_one_that_holds(row: Option) -> None:
    shown = options_of(submit)[str(row.flag)]
    assert isinstance(shown, click.Option)
    assert ("[default:" in str(shown.help)) == (row.default is not None)
    if row.default is not None:
        section, _, leaf = row.field.rpartition(".")
        assert row.kind.parse(str(row.default)) == getattr(SECTIONS[section] if section else Config, leaf)
    else:
        # A switch is off, and what is empty needs no word.
        assert default_of(row) in (None, False, [], {}) or row.flag == "keep"


def test_a_number_that_is_none_is_the_tables_error(capsys: pytest.CaptureFixture[str]) -> None:
    from aws_run.cli import main

    assert main._run(["plan", ".", "-i", ".", "--retries", "many"], debug=False) == ConfigError.exit_code
    assert "--retries: " in capsys.readouterr().err
