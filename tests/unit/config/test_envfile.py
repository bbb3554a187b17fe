"""--env-file: what a line means, and that no message repeats one."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_run.config.envfile import read_env_file
from aws_run.errors import ConfigError, UsageError

from .conftest import Load

Refused = Callable[..., str]
KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n+/{KEY_LINE}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"A=1\nKEY={KEY}\n", "--env-file x.env:3: names a variable that is not set in the shell"),
        (f"A=1\nKEY='{KEY}\n", "--env-file x.env:2: the quote is not closed"),
        (f'KEY="{KEY}\n', "--env-file x.env:1: the quote is not closed"),
        (f"A=1\n+/{KEY_LINE}\n", "--env-file x.env:2: is not NAME=VALUE"),
        ("two words=hunter2\n", "--env-file x.env:1: is not NAME=VALUE"),
        ("=hunter2\n", "--env-file x.env:1: is not NAME=VALUE"),
        ("A=hunter2\0\n", "--env-file x.env:1: has a NUL character"),
    ],
)
def test_a_message_names_the_line_and_nothing_of_it(load: Load, project: Path, text: str, message: str) -> None:
    (project / "x.env").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load("", env_file="x.env", for_run=True)
    error = caught.value
    assert error.message == message
    shown = "".join(traceback.format_exception(error)) + str(error.hint)
    assert "MIIE" not in shown  # --debug prints tracebacks
    assert "hunter2" not in shown
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_a_value_of_several_lines_gets_a_hint_that_helps(load: Load, project: Path) -> None:
    (project / "x.env").write_text(f'KEY="{KEY}\n')
    with pytest.raises(ConfigError) as caught:
        load("", env_file="x.env", for_run=True)
    assert "several lines" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["AWS_RUN_ENV", "AWS_RUN_SECRETS"])
def test_a_variable_that_holds_several_repeats_nothing_either(refused: Refused, name: str) -> None:
    message = refused("", environ={name: f"KEY={KEY}"}, for_run=True)
    assert "MIIE" not in message
    assert name in message


def test_a_secret_given_without_its_name_is_not_repeated(refused: Refused) -> None:
    assert "hunter" not in refused("", secret=("hunter two",))
    assert "hunter" not in refused("", secret=("hunter2",))
    assert "hunter" not in refused("", env=("hunter two",))


def test_a_pipe_in_the_project_is_no_env_file(refused: Refused, project: Path) -> None:
    os.mkfifo(project / "x.env")
    assert refused("", env_file="x.env") == "--env-file x.env: is a named pipe, not a regular file"


def test_a_pipe_of_the_users_own_shell_is_read(load: Load) -> None:
    """`--env-file <(pass show env)`"""
    reading, writing = os.pipe()
    os.write(writing, b"A=1\n")
    os.close(writing)
    try:
        assert load("", env_file=f"/dev/fd/{reading}").env == {"A": "1"}
    finally:
        os.close(reading)


def test_a_file_that_is_too_large_is_refused(refused: Refused, project: Path) -> None:
    (project / "x.env").write_text("A=" + "x" * (256 * 1024))
    assert refused("", env_file="x.env") == "--env-file x.env: is larger than 256 KiB"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=abc # a note", "abc"),
        ("A=abc#def", "abc#def"),
        ('A="abc" # a note', "abc"),
        ("A='a # b'", "a # b"),
        ("export A=yes", "yes"),
        ("A=a=b==", "a=b=="),
        ("A=", ""),
        ("A= # nothing", ""),
        ('A="two\nlines"', "two\nlines"),
        (r'A="two\nlines"', "two\nlines"),
        (r"A='two\nlines'", r"two\nlines"),
        (r'A="say \"hi\""', 'say "hi"'),
        ("A='a $b'", "a $b"),
        (f"A='{KEY}'", KEY),
    ],
)
def test_a_line_means_what_dotenv_and_compose_read(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "x.env").write_text(f"{line}\nB=1\n")
    values = [(name, value) for _, name, value in read_env_file(tmp_path / "x.env", "x.env")]
    assert values == [("A", expected), ("B", "1")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("B=${A}/x", "one/x"),
        ('B="${A}\\n${A}"', "one\none"),
        ("B='${A}'", "${A}"),
        (r'B="\${A}"', "${A}"),
        ("B=${HOME}", "${HOME}"),  # of the shell nothing is taken that is not asked for by its name
        ("B=$A", "$A"),
        ("B=${B}", "${B}"),
    ],
)
def test_a_variable_of_the_same_file_is_put_in(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "x.env").write_text(f"A=one\n{line}\n")
    assert [value for _, _, value in read_env_file(tmp_path / "x.env", "x.env")] == ["one", expected]


identifier = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
value = st.text(st.characters(blacklist_characters='\r\n\0"\\', blacklist_categories=("Cs",)), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(identifier, value, max_size=5))
def test_what_is_written_in_double_quotes_is_read_back(tmp_path: Path, variables: dict[str, str]) -> None:
    path = tmp_path / "x.env"
    path.write_bytes("".join(f'{name}="{text}"\n' for name, text in variables.items()).encode())
    assert {name: text for _, name, text in read_env_file(path, "x.env")} == variables


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=60), st.text(st.sampled_from("A1_= \"'#\nexport\r-+/\0é"), max_size=40).map(str.encode)
    )
)
def test_any_file_is_variables_or_a_sentence_that_repeats_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.env"
    path.write_bytes(content)
    try:
        lines = list(read_env_file(path, "--env-file x.env"))
    except UsageError as error:
        place, _, words = error.message.partition(": ")
        assert place.startswith("--env-file x.env")
        assert words in ("is not NAME=VALUE", "the quote is not closed", "not UTF-8 text")
    else:
        assert all(name.isidentifier() for _, name, _ in lines)


def test_the_file_of_the_project_may_name_one_and_its_env_is_stronger(load: Load, project: Path) -> None:
    (project / ".env").write_text("export\tA=from file\nB='from file'\nC=from file\n")
    text = "input: ./data\noutput: ./out\nenv_file: .env\nenv: {B: from yaml}\n"
    assert load(text, for_run=True).env == {"A": "from file", "B": "from yaml", "C": "from file"}
    flags = load(text, env=("C=from flag",), for_run=True).env
    assert flags == {"A": "from file", "B": "from yaml", "C": "from flag"}


def test_a_command_that_starts_nothing_does_not_read_it(load: Load, project: Path) -> None:
    assert load("env_file: .env\n", for_run=False).env == {}


@pytest.mark.parametrize("place", ["../x.env", "/etc/passwd", "link.env"])
def test_an_env_file_outside_of_the_project_is_the_users_to_name(
    refused: Refused, project: Path, tmp_path: Path, place: str
) -> None:
    (project.parent / "x.env").write_text(f"KEY={KEY}\n")
    (project / "link.env").symlink_to(project.parent / "x.env")
    message = refused(f"env_file: {place}\n", for_run=True)
    assert message == f"aws-run.yaml:1: env_file: {place} lies outside of the project"


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("env_file: .env\n", None, "aws-run.yaml:1: env_file: .env: can't be read: No such file or directory"),
        ("env_file: [.env]\n", "A=1\n", "aws-run.yaml:1: env_file: must be a single path"),
        ("env_file: .env\n", f"A='{KEY}\n", "aws-run.yaml:1: env_file: .env:1: the quote is not closed"),
        ("env-file: .env\n", "A=1\n", 'aws-run.yaml:1: env-file: unknown key; did you mean "env_file"?'),
    ],
)
def test_what_is_wrong_with_it_is_said_by_place(
    refused: Refused, project: Path, text: str, content: str | None, expected: str
) -> None:
    if content is not None:
        (project / ".env").write_text(content)
    assert refused(text, for_run=True) == expected
