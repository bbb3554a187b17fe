"""CSV on stdout: a spreadsheet sees no formula in it, and a program sees each number as one."""

from __future__ import annotations

import pytest

from aws_run.cli.csv_output import write_csv


@pytest.mark.parametrize("number", ["+3.1", "-2.0", "-2", "+0.000001"])
def test_a_number_with_a_sign_stays_a_number(capsys: pytest.CaptureFixture[str], number: str) -> None:
    write_csv(("error",), [(number,)])
    assert float(capsys.readouterr().out.splitlines()[1]) == float(number)


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-2+3", "-cmd", "@sum", "+1\n", "-", "+1.", "\t1", "-\u0663"])
def test_what_may_be_a_formula_is_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    write_csv(("label",), [(text,)])
    assert capsys.readouterr().out.splitlines()[1].lstrip('"').startswith("'")
