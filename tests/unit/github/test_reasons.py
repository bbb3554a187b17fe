"""Every way in which a step can fail has a word that stays."""

from __future__ import annotations

from aws_run import errors
from aws_run.github import reasons
from aws_run.github.reasons import reason_code


def test_every_error_has_a_word_of_its_own() -> None:
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.AwsRunError)}
    assert set(reasons.REASON_CODES) == kinds
    assert len(set(reasons.REASON_CODES.values())) == len(kinds)


def test_a_fault_of_ours_has_one_too() -> None:
    class NewerError(errors.ConfigError):
        pass

    assert reason_code(NewerError("x")) == "config"
    assert reason_code(KeyboardInterrupt()) == "interrupted"
    assert reason_code(ZeroDivisionError()) == "internal"
