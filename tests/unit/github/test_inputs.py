"""The action's inputs: those of action.yml and those that Python reads are the same, and each has its one meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aws_run.config.load import load_config
from aws_run.config.options import FLAGS
from aws_run.errors import ConfigError, UsageError
from aws_run.github import outputs
from aws_run.github.inputs import INPUTS, SHOWN_FLAGS, ActionInputs, read_inputs

ACTION = yaml.safe_load((Path(__file__).resolve().parents[3] / "action.yml").read_text())


def read(**given: str) -> ActionInputs:
    """As the runner hands them over: `allowed_account_ids` is INPUT_ALLOWED-ACCOUNT-IDS."""
    return read_inputs({f"INPUT_{name.replace('_', '-').upper()}": text for name, text in given.items()})


def test_action_yml_has_the_inputs_and_outputs_that_are_read_and_written() -> None:
    assert set(ACTION["inputs"]) == INPUTS
    assert tuple(ACTION["outputs"]) == outputs.OUTPUTS
    for each in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert each["description"].endswith(".")


def test_each_input_that_configures_a_run_is_an_option_of_the_table() -> None:
    assert set(SHOWN_FLAGS) <= FLAGS


def test_nothing_given_is_the_command_lines_own_defaults() -> None:
    inputs = read()
    assert (inputs.path, inputs.flags, inputs.config, inputs.wait) == (Path(), {}, None, True)
    assert (inputs.role, inputs.allowed_accounts, inputs.comment, inputs.log_lines) == (None, (), "auto", 0)


def test_lines_are_items_and_blanks_and_commas_in_them_stay() -> None:
    flags = read(
        args="--name\na b\n\n--list=1,2", env="A=1, 2\nB=", secrets="S=arn:aws:ssm:x", input="a=x\nb=s3://y/z"
    ).flags
    assert flags["args"] == ("--name", "a b", "--list=1,2")
    assert flags["env"] == ("A=1, 2", "B=")
    assert flags["secret"] == ("S=arn:aws:ssm:x",)
    assert flags["input"] == ("a=x", "b=s3://y/z")


def test_spot_and_wait_are_true_or_false() -> None:
    assert read(spot="true").flags == {"spot": True}
    assert read(spot="false", wait="true").flags == {}
    assert read(wait="false").flags == {"detach": True}
    assert not read(wait="false").wait
    for wrong in (
        {"spot": "yes"},
        {"wait": "True"},
        {"comment": "sometimes"},
        {"log_lines": "-1"},
        {"log_lines": "1e3"},
    ):
        with pytest.raises(UsageError):
            read(**wrong)


@pytest.mark.parametrize(
    "text", ["111122223333,444455556666", "111122223333\n444455556666", "111122223333, 444455556666"]
)
def test_other_accounts_than_those_allowed_are_refused(text: str) -> None:
    inputs = read(allowed_account_ids=text)
    inputs.refuse_account("444455556666")
    with pytest.raises(UsageError) as refused:
        inputs.refuse_account("999999999999")
    assert "999999999999" in refused.value.message
    read().refuse_account("999999999999")


def test_a_role_of_another_account_is_refused_before_a_token_is_fetched() -> None:
    arn = "arn:aws:iam::999999999999:role/deploy"
    assert read(role_to_assume=arn, allowed_account_ids="999999999999").role == arn
    with pytest.raises(UsageError):
        read(role_to_assume=arn, allowed_account_ids="111122223333")


@pytest.mark.parametrize(
    "wrong",
    ["deploy", "arn:aws:iam::1:role/x", "arn:aws:iam::999999999999:user/x", "arn:aws:iam::999999999999:role/a b"],
)
def test_what_is_no_role_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        read(role_to_assume=wrong)


def test_an_account_has_twelve_digits() -> None:
    with pytest.raises(UsageError):
        read(allowed_account_ids="12345")


def test_a_message_names_the_input(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(
            tmp_path, file=None, flags=read(memory="lots").flags, environ={}, for_run=False, shown_flags=SHOWN_FLAGS
        )
    assert refused.value.message.startswith("input memory: ")


@given(st.dictionaries(st.sampled_from(sorted(INPUTS)), st.text(max_size=40)))
def test_any_text_is_read_or_refused(given: dict[str, str]) -> None:
    try:
        inputs = read_inputs({f"INPUT_{name.upper()}": text for name, text in given.items()})
    except UsageError:
        return
    assert set(inputs.flags) <= FLAGS | {"detach"}
