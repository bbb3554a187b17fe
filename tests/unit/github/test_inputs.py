"""The action's inputs: those of action.yml and those that Python reads are the same, and each has its one meaning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_security_table import missing

from aws_run.config import Config
from aws_run.config.load import load_config
from aws_run.config.models import Amount, Gpu
from aws_run.config.options import FLAGS
from aws_run.errors import ConfigError, UsageError
from aws_run.github import outputs
from aws_run.github.inputs import INPUTS, SHOWN_FLAGS, ActionInputs, read_inputs

ACTION = yaml.safe_load((Path(__file__).resolve().parents[3] / "action.yml").read_text())

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s"

SUBNETS, GROUP = ("subnet-0abc1234", "subnet-0abc5678"), "sg-0abc1234"


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


# Input -> a text, and what it makes of the configuration.
CONFIGURES: dict[str, tuple[str, Callable[[Config], object], object]] = {
    "input": ("data", lambda config: [one.name for one in config.input_folders], ["data"]),
    "output": ("out", lambda config: config.output and config.output.name, "out"),
    "args": ("--epochs\n3", lambda config: config.args, ("--epochs", "3")),
    "backend": ("fargate", lambda config: config.backend, "fargate"),
    "cpu": ("4+", lambda config: config.resources.cpu, Amount(value=4, at_least=True)),
    "memory": ("16GB", lambda config: config.resources.memory_mib, Amount(value=16384)),
    "gpu": ("L4:1", lambda config: config.resources.gpu, Gpu(model="L4", count=1)),
    "instance-type": (
        "g6.xlarge, g5.xlarge",
        lambda config: config.resources.instance_types,
        ("g6.xlarge", "g5.xlarge"),
    ),
    "spot": ("true", lambda config: config.spot_policy, "spot"),
    "timeout": ("90m", lambda config: config.timeout_s, 5400),
    "max-cost": ("3", lambda config: config.limits.max_cost_usd, 3),
    "env": ("A=1", lambda config: config.env, {"A": "1"}),
    "secrets": (f"S={ARN}", lambda config: config.secrets, {"S": ARN}),
    "aws-region": ("eu-west-1", lambda config: config.region, "eu-west-1"),
    "subnets": (f"{SUBNETS[0]},{SUBNETS[1]}", lambda config: config.network.subnets, SUBNETS),
    "security-groups": (GROUP, lambda config: config.network.security_groups, (GROUP,)),
}
# The others, and the test that shows what each does.
SHOWN_BY = {
    "path": "tests/github/test_action.py::test_a_step_runs_the_project_and_hands_over_results_outputs_and_a_summary",
    "config": "tests/unit/github/test_inputs.py::test_the_input_config_names_another_file_than_the_projects_own",
    "wait": "tests/github/test_action.py::test_a_step_that_does_not_wait_leaves_the_run_and_post_leaves_it_too",
    "role-to-assume": "tests/github/test_role.py::test_a_run_outlives_its_credentials_and_so_does_its_removal",
    "allowed-account-ids": "tests/github/test_role.py::test_another_account_is_refused_by_the_first_call",
    "comment": "tests/unit/github/test_step_comment.py::test_auto_writes_for_runs_of_comments_only_and_never_never",
    "comment-key": "tests/unit/github/test_step_comment.py::test_always_shows_the_run_under_the_pull_request_of_the_event_and_tells_its_id_at_once",
    "log-lines": "tests/github/test_action.py::test_a_job_that_fails_fails_the_step_with_its_own_exit_code_and_shows_its_last_lines",
    "github-token": "tests/unit/github/test_step_comment.py::test_no_pull_request_no_token_and_no_permission_are_told",
    "python": "tests/github/test_shim.py::test_what_it_installs_is_locked_by_hash_and_taken_as_wheels_in_an_isolated_python",
}  # fmt: skip


def test_every_input_configures_the_run_or_names_the_test_that_shows_what_it_does() -> None:
    assert set(CONFIGURES) | set(SHOWN_BY) == set(ACTION["inputs"])
    assert [reference for reference in SHOWN_BY.values() if missing(f"`{reference}`")] == []


@pytest.mark.parametrize("name", sorted(CONFIGURES))
def test_an_input_configures_the_run(tmp_path: Path, name: str) -> None:
    text, field, expected = CONFIGURES[name]
    (tmp_path / "data").mkdir()

    def configured(given: dict[str, str]) -> Config:
        flags = read(**given).flags
        return load_config(tmp_path, file=None, flags=flags, environ={}, cwd=tmp_path, for_run=False)

    assert field(configured({name.replace("-", "_"): text})) == expected
    assert field(configured({})) != expected


def test_the_input_config_names_another_file_than_the_projects_own(tmp_path: Path) -> None:
    (tmp_path / "aws-run.yaml").write_text("version: 1\nname: own\n")
    (tmp_path / "other.yaml").write_text("version: 1\nname: other\n")
    inputs = read(config=str(tmp_path / "other.yaml"))
    assert load_config(tmp_path, file=inputs.config, flags={}, environ={}, for_run=False).name == "other"


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
