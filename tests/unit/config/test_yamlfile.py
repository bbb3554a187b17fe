"""Reading aws-run.yaml: every refusal names the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.config.yamlfile import MAX_BYTES, Mapping, Scalar, parse_yaml, read_yaml
from aws_run.errors import ConfigError


def said_about(text: str) -> str:
    try:
        parse_yaml(text, "f")
    except ConfigError as error:
        return error.message
    return "f: fine"


def test_texts_stay_as_written() -> None:
    top = parse_yaml("python: 3.10\nmode: yes\nat: 1:30\n", "aws-run.yaml")
    assert [node.text for node in top.items.values() if isinstance(node, Scalar)] == ["3.10", "yes", "1:30"]


def test_lines_of_keys_are_known() -> None:
    top = parse_yaml("# a comment\nname: x\n\nbuild:\n  python: '3.12'\n", "aws-run.yaml")
    assert top.key_lines == {"name": 2, "build": 4}
    build = top.items["build"]
    assert isinstance(build, Mapping)
    assert build.key_lines == {"python": 5}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n", "~"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    assert parse_yaml(text, "aws-run.yaml").items == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "f:2: name: given twice (first on line 1)"),
        ("build:\n  python: a\n  python: b\n", "f:3: build.python: given twice (first on line 2)"),
        ("a: &x 1\n", "f:1: anchors (&) and aliases (*) are not read here; write the value out, or quote it"),
        ("a: 1\nb: *a\n", "f:2: anchors (&) and aliases (*) are not read here; write the value out, or quote it"),
        ("exclude: [*.tmp]\n", 'f:1: a value that begins with * or & must be in quotes, like "*.tmp"'),
        ("a: !!python/name:os.system x\n", "f:1: the tag tag:yaml.org,2002:python/name:os.system is not read here"),
        ("- a\n- b\n", "f:1: must hold keys and values, like `name: segment`"),
        ("just words\n", "f:1: must hold keys and values, like `name: segment`"),
        ("a: 1\n---\nb: 2\n", "f:2: a second document starts here; only one is read"),
        ("a: 1\n b: 2\n", "f:2: not YAML: mapping values are not allowed here"),
        ("a: [1\nb: 2\n", "f:2: not YAML: expected ',' or ']', but got ':'"),
        ("a: '1\n", "f:2: not YAML: found unexpected end of stream"),
        ("a:\n\t- 1\n", "f:2: a line begins with a tab; YAML takes spaces alone there"),
        ("? [a, b]\n: 1\n", "f:1: a key must be a word"),
        ("a: \x00", "f: not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("a: " + "[" * 5000, "f:1: nested too deep"),
        ("<<: {a: 1}\n<<: {b: 1}\n", "f:2: <<: given twice (first on line 1)"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_sentence_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f")
    assert caught.value.message == message


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert said_about(text).startswith("f:")


@given(st.text(alphabet="ab:[]{}-\n &*!'\"#?|>%@`,~\t0", max_size=40))
def test_any_text_made_of_yaml_signs_is_read_or_refused(text: str) -> None:
    assert said_about(text).startswith("f:")


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "aws-run.yaml"
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        read_yaml(path, "aws-run.yaml")


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "aws-run.yaml"
    path.write_bytes(b"name: a\ncommand: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"aws-run.yaml:2: not UTF-8 text"):
        read_yaml(path, "aws-run.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "aws-run.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\r\ncommand: b\r\n")
    assert list(read_yaml(path, "aws-run.yaml").items) == ["name", "command"]
