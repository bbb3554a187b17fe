"""How an error is told."""

from __future__ import annotations

from aws_run.errors import AwsRunError, BuildError, TeardownError
from aws_run.report.errors import render_error


def test_an_error_is_a_sentence_and_a_hint() -> None:
    assert render_error(AwsRunError("It broke.", hint="Mend it.")) == "error: It broke.\nhint: Mend it."
    assert render_error(AwsRunError("It broke.")) == "error: It broke."


def test_a_failed_build_shows_the_end_of_the_log() -> None:
    error = BuildError("The image did not build.", log_tail=("\x1b[31mno such package\x1b[0m", ""), hint="Look.")
    assert render_error(error) == "error: The image did not build.\n  | no such package\n  |\nhint: Look."


def test_a_failed_teardown_shows_the_commands_that_finish_it() -> None:
    error = TeardownError("1 thing may be left.", commands=("aws iam delete-role --role-name x",), hint="Run it.")
    assert render_error(error) == (
        "error: 1 thing may be left.\nto finish the job by hand:\n  aws iam delete-role --role-name x\nhint: Run it."
    )


def test_long_explanations_are_indented() -> None:
    assert render_error(AwsRunError("One.\nTwo.", hint="Three.\nFour.")) == (
        "error: One.\n       Two.\nhint: Three.\n      Four."
    )


def test_an_error_without_words_says_its_kind() -> None:
    assert render_error(AwsRunError("")) == "error: AwsRunError"
