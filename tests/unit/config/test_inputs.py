"""-i as people give it: one folder, several under names, here or in S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.config import Input
from aws_run.config.inputs import parse_input
from aws_run.errors import ConfigError
from aws_run.s3uri import parse_s3

from .conftest import Load
from .test_schema import accepts

Refused = Callable[..., str]


def test_one_input_is_a_folder_or_an_address_in_s3(load: Load, project: Path) -> None:
    assert load(for_run=True, input=("data",), output="out").inputs == (Input(place=str(project / "data")),)
    assert load(input=("s3://bucket/a b/x=1",)).inputs == (Input(place="s3://bucket/a b/x=1"),)
    assert load("input: s3://bucket\n").inputs == (Input(place="s3://bucket/"),)
    assert load("input: year=2024\n").input_folders == (project / "year=2024",)


def test_several_have_names_from_all_three_places(load: Load, project: Path) -> None:
    wanted = (Input(name="data", place=str(project / "data")), Input(name="model", place="s3://bucket/m"))
    assert load("input: {data: ./data, model: s3://bucket/m}\n").inputs == wanted
    assert load("input: gone\n", environ={"AWS_RUN_INPUT": "data=data\nmodel=s3://bucket/m"}).inputs == wanted
    found = load("input: {x: gone}\n", for_run=True, input=("data=data", "model=s3://bucket/m"), output="out")
    assert found.inputs == wanted
    assert found.input_folders == (project / "data",)


def test_a_path_in_the_file_is_relative_to_the_file_with_and_without_a_name(load: Load, project: Path) -> None:
    elsewhere = project / "data"
    assert load("input: {a: x}\n", cwd=elsewhere).input_folders == (project / "x",)
    assert load("", cwd=elsewhere, input=("a=x",)).input_folders == (elsewhere / "x",)


@pytest.mark.parametrize(
    "text", ["./a=b", "../a=b", "~/a=b", "/x/a=b", "C:\\x=1", "C:/x=1", "d/year=2024", "=x", "s3://b-1/k=v"]
)
def test_what_looks_like_a_path_is_one(text: str) -> None:
    assert (parse_input(text).name, parse_input(text).place) == (None, text)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (("a=x", "a=y"), "-i: a is given twice"),
        (("a=x", "A=y"), "-i: A and a are one name on macOS and Windows"),
        (("x", "a=y"), "-i: x has no name: with several inputs each needs one, like data=x"),
        (("x", "y"), "-i: x has no name: with several inputs each needs one, like data=x"),
        (("a b=x",), '-i a b=x: "a b" is not a name of an input'),
        (("a..b=x",), '-i a..b=x: "a..b" is not a name of an input'),
        (("-a=x",), '-i -a=x: "-a" is not a name of an input'),
        (("a.=x",), '-i a.=x: "a." is a name that Windows reserves'),
        (("nul=x",), '-i nul=x: "nul" is a name that Windows reserves'),
        (("a=",), "-i a=: needs a folder, or s3://bucket/prefix"),
        (("a=https://x/y",), "-i a=https://x/y: an input is a folder here or s3://bucket/prefix"),
        (("s3://Bucket/x",), '-i s3://Bucket/x: "Bucket" is not a bucket name'),
        (("s3:///x",), '-i s3:///x: "" is not a bucket name'),
        (("s3://arn:aws:s3:::b/x",), "an access point is written by its alias"),
        (("s3://bucket/" + "k" * 1025,), "at most 1024 bytes"),
        (tuple(f"n{n}=x" for n in range(17)), "-i: 17 inputs; at most 16"),
    ],
)
def test_what_can_be_no_inputs_is_refused(refused: Refused, inputs: tuple[str, ...], message: str) -> None:
    assert message in refused(input=inputs)


@pytest.mark.parametrize(
    "yaml",
    [
        "input: [data]\n",
        "input: {}\n",
        "input: {a/b: x}\n",
        "input: {'..': x}\n",
        "input: {a: [x]}\n",
        "input: {a: {}}\n",
    ],
)
def test_the_file_is_refused_by_schema_and_loader(refused: Refused, yaml: str) -> None:
    assert not accepts(yaml)
    assert refused(yaml).startswith("aws-run.yaml:1: input")


@pytest.mark.parametrize("yaml", ["input: x\n", "input: s3://bucket/x\n", "input: {a: x, b.c-d_e: s3://bucket/x}\n"])
def test_the_file_is_accepted_by_schema_and_loader(load: Load, yaml: str) -> None:
    assert accepts(yaml)
    assert load(yaml).inputs


def test_a_null_in_the_mapping_is_refused(refused: Refused) -> None:
    assert refused("input:\n  a:\n") == "aws-run.yaml:2: input.a: must be a single path"


def test_each_folder_is_looked_at_and_named(refused: Refused, load: Load, project: Path) -> None:
    assert refused(for_run=True, input=("a=data", "b=gone"), output="out") == "-i b=gone: no such folder"
    yaml = "input: {a: data, b: gone}\n"
    assert refused(yaml, for_run=True, output="out") == "aws-run.yaml:1: input b=gone: no such folder"
    assert refused(for_run=True, input=("a=s3://bucket/x", "b=data"), output="data/o").startswith(
        "-o data/o: lies inside"
    )
    (project / "year=2024").mkdir()
    with pytest.raises(ConfigError) as caught:
        load("", for_run=True, input=("year=2024",), output="out")
    assert caught.value.hint == "for the folder year=2024 write ./year=2024"


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=80))
def test_any_key_is_taken_as_it_is_or_refused(key: str) -> None:
    if "\0" in key:
        with pytest.raises(ValueError, match="NUL"):
            parse_s3(f"s3://bucket/{key}")
        return
    found = parse_s3(f"s3://bucket/{key}")
    assert (found.bucket, found.key, str(found)) == ("bucket", key, f"s3://bucket/{key}")
    assert found.folder == "" or found.folder.endswith("/")
    assert found.folder.rstrip("/") == key.rstrip("/")
