"""What a project's own file reaches for outside of its folder: shown, and not taken without a yes."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from aws_run.cli.trust import need_trust
from aws_run.config import Config, Outside, load_config
from aws_run.errors import EXIT_USAGE, ConfigError, UsageError
from aws_run.lifecycle.outside import outside_notes

from .conftest import Load

SECRET = "arn:aws:ssm:eu-central-1:123456789012:parameter/x"
ROLE = "arn:aws:iam::123456789012:role/Admin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def reached(config: Config) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in config.outside if one.by_project]


def test_the_common_case_asks_nothing(load: Load) -> None:
    config = load("input: ./data\noutput: ./out\nenv: {MODE: prod}\n", for_run=True)
    assert config.outside == ()
    need_trust(config, trusted=False, terminal=False)


@pytest.mark.parametrize("yaml", ["input: {there}\n", "input: ../elsewhere\n", "input: {{a: data, b: ../elsewhere}}\n"])
def test_an_input_elsewhere_is_told(load: Load, elsewhere: Path, yaml: str) -> None:
    config = load(yaml.format(there=elsewhere))
    assert reached(config) == [("input", str(elsewhere))]


@pytest.mark.parametrize("output", ["../elsewhere", "../elsewhere/new", "/tmp", "~/x", "./x/../../elsewhere"])
def test_an_output_elsewhere_is_told(load: Load, elsewhere: Path, output: str) -> None:
    assert [kind for kind, _ in reached(load(f"output: {output}\n"))] == ["output"]


def test_a_link_that_leads_out_is_told_by_where_it_leads(load: Load, project: Path, elsewhere: Path) -> None:
    (project / "in").symlink_to(elsewhere)
    (project / "out").symlink_to("../elsewhere")
    config = load("input: in\noutput: out/deeper\n")
    assert reached(config) == [("input", str(elsewhere)), ("output", str(elsewhere / "deeper"))]


@pytest.mark.parametrize("place", [".git/hooks", ".venv/bin", ".ssh", "env/lib", ".GIT"])
def test_a_place_inside_where_results_would_run_on_this_machine_is_told(load: Load, project: Path, place: str) -> None:
    (project / "env").mkdir()
    (project / "env" / "pyvenv.cfg").touch()
    assert reached(load(f"output: {place}\n")) == [("output", str(project / place))]


def test_a_variable_taken_from_the_shell_is_told_with_its_line(load: Load) -> None:
    config = load("env:\n  MODE: prod\n  TOKEN: null\n", environ={"TOKEN": "t"}, for_run=False)
    assert config.outside == (Outside(kind="variable", what="TOKEN", where="aws-run.yaml:3: env.TOKEN"),)


def test_a_bare_name_in_an_env_file_of_the_project_is_the_projects_word(
    load: Load, project: Path, elsewhere: Path
) -> None:
    for folder in (project, elsewhere):
        (folder / "x.env").write_text("A=1\nTOKEN\n")
    config = load("", environ={"TOKEN": "t"}, env_file="x.env")
    assert config.outside == (Outside(kind="variable", what="TOKEN", where="--env-file x.env:2"),)
    assert load("", environ={"TOKEN": "t"}, env_file=str(elsewhere / "x.env")).outside == ()


def test_what_only_the_account_has_is_told(load: Load) -> None:
    yaml = f"input: s3://payroll/2026\nsecrets: {{T: '{SECRET}'}}\niam: {{task_role: '{ROLE}'}}\n"
    assert reached(load(yaml)) == [("input", "s3://payroll/2026"), ("secret", SECRET), ("role", ROLE)]


def test_a_variable_that_the_build_is_given_is_told_unless_the_user_names_it(load: Load) -> None:
    yaml = "build: {secrets: [TOKEN, OTHER]}\n"
    environ = {"TOKEN": "t", "OTHER": "o"}
    assert reached(load(yaml, environ=environ)) == [("build-secret", "TOKEN"), ("build-secret", "OTHER")]
    config = load(yaml, environ=environ, build_secret=("TOKEN",))
    assert reached(config) == [("build-secret", "OTHER")]
    assert set(config.build.secrets) == {"TOKEN", "OTHER"}
    with pytest.raises(ConfigError, match="OTHER is not set in this shell"):
        load(yaml, environ={"TOKEN": "t"}, for_run=True)


def test_what_the_user_names_is_the_users_own(load: Load, elsewhere: Path) -> None:
    yaml = f"input: s3://payroll\noutput: /tmp\nenv: {{TOKEN: null}}\nsecrets: {{T: '{SECRET}'}}\niam: {{task_role: '{ROLE}'}}\n"
    flags = {
        "input": str(elsewhere),
        "output": str(elsewhere),
        "env": ("TOKEN",),
        "secret": (f"T={SECRET}",),
        "task_role": ROLE,
    }
    environ = {"TOKEN": "t"}
    assert load(yaml, environ=environ, **flags).outside == ()
    environ |= {"AWS_RUN_INPUT": str(elsewhere), "AWS_RUN_OUTPUT": "/tmp", "AWS_RUN_ENV": "TOKEN=x"}
    environ |= {"AWS_RUN_SECRETS": f"T={SECRET}", "AWS_RUN_TASK_ROLE": ROLE}
    assert load(yaml, environ=environ).outside == ()


def test_a_link_behind_what_the_user_named_is_shown_and_not_asked_about(
    load: Load, project: Path, elsewhere: Path
) -> None:
    (project / "out").symlink_to(elsewhere)
    config = load("", output="out")
    assert [(one.what, one.by_project) for one in config.outside] == [(str(elsewhere), False)]
    need_trust(config, trusted=False, terminal=False)


def test_a_file_of_the_project_stays_the_projects_when_the_user_names_it(project: Path, elsewhere: Path) -> None:
    for folder in (project, elsewhere):
        (folder / "big.yaml").write_text("output: ../there\n")
    by_name = load_config(project, file=Path("big.yaml"), flags={}, environ={}, cwd=project, for_run=False)
    assert [kind for kind, _ in reached(by_name)] == ["output"]
    own = load_config(project, file=elsewhere / "big.yaml", flags={}, environ={}, cwd=project, for_run=False)
    assert own.outside == ()


def test_without_a_terminal_each_is_named_and_nothing_starts(load: Load, elsewhere: Path) -> None:
    config = load("input: ../elsewhere\noutput: ../out\nenv: {TOKEN: null}\n", environ={"TOKEN": "t"})
    with pytest.raises(UsageError) as caught:
        need_trust(config, trusted=False, terminal=False)
    error = caught.value
    assert error.exit_code == EXIT_USAGE
    assert all(
        word in error.message for word in ("aws-run.yaml:1: input", str(elsewhere), "aws-run.yaml:2: output", "TOKEN")
    )
    assert "--trust-project-file" in str(error.hint)
    need_trust(config, trusted=True, terminal=False)


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_the_user_is_asked(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bool
) -> None:
    config = load("output: /tmp\n")
    monkeypatch.setattr(click, "confirm", lambda *_args, **_more: answer)
    if answer:
        need_trust(config, trusted=False, terminal=True)
    else:
        with pytest.raises(UsageError, match="not started"):
            need_trust(config, trusted=False, terminal=True)
    assert "/tmp" in capsys.readouterr().err


def test_no_character_of_a_path_hides_the_rest_from_who_is_asked() -> None:
    """A carriage return or an escape would show another path than the one that is meant."""
    one = Outside(kind="output", what="/home/me\r./out\x1b[2K\u202e", where="aws-run.yaml:1: output")
    assert one.sentence == (
        "aws-run.yaml:1: output: results are written into /home/me\\r./out\\x1b[2K\\u202e, which is not in the project"
    )


def test_the_plan_tells_that_files_elsewhere_are_replaced(load: Load, project: Path, elsewhere: Path) -> None:
    (elsewhere / ".bashrc").touch()
    for config in (load(f"output: {elsewhere}\n"), load("", output=str(elsewhere))):
        assert f"{elsewhere} lies outside of the project and holds 1 entry" in outside_notes(config)[-1]
    os.makedirs(project / "out" / "x")  # noqa: PTH103
    assert outside_notes(load("", output="out")) == ()
    assert outside_notes(load("output: ../not yet there\n")) == (
        f"aws-run.yaml:1: output: ../not yet there: results are written into {project.parent / 'not yet there'}, "
        "which is not in the project",
    )
