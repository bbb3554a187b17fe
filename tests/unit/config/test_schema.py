"""The published JSON Schema says what the loader does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from aws_run.config import Config, config_schema
from aws_run.config.options import OPTIONS
from aws_run.config.schema import default_of
from aws_run.config.yamlfile import Mapping, Node, Scalar, parse_yaml
from aws_run.errors import UsageError

from .conftest import Load
from .test_load import DESIGN


def is_number(node: Scalar) -> bool:
    return not node.quoted and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", node.text) is not None


def plain(node: Node) -> Any:
    """As a YAML 1.2 reader (an editor's) sees the file."""
    if isinstance(node, Scalar):
        if node.is_null:
            return None
        if node.boolean is not None:
            return node.boolean
        return json.loads(node.text) if is_number(node) else node.text
    if isinstance(node, Mapping):
        return {key: plain(child) for key, child in node.items.items()}
    return [plain(child) for child in node.items]


def accepts(yaml: str) -> bool:
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(plain(parse_yaml(yaml, "f"))))


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            yield schema
        for value in schema.values():
            yield from objects(value)


def test_the_file_of_the_design_is_valid() -> None:
    assert accepts(DESIGN)


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    for each in objects(config_schema()):
        assert each["additionalProperties"] is False
        for name, prop in each["properties"].items():
            assert prop["description"].endswith("."), name


def test_every_option_of_the_file_is_in_the_schema() -> None:
    properties = config_schema()["properties"]
    for option in OPTIONS:
        if option.key:
            section, _, leaf = option.key.rpartition(".")
            assert leaf in (properties[section]["properties"] if section else properties)


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(config_schema())) == config_schema()


@pytest.mark.parametrize(
    "yaml",
    [
        "resources: {memroy: 1GB}\n",
        "xyz: 1\n",
        "version: 2\n",
        "backend: gke\n",
        "resources: {memory: 16}\n",
        "resources: {cpu: -1}\n",
        "resources: {gpu: 'L4:'}\n",
        "timeout: soon\n",
        "timeout: 0\n",
        "limits: {max_cost: 0}\n",
        "env: {1A: x}\n",
        "env: {A: [x]}\n",
        "secrets: {A: hunter2}\n",
        "tags: {'aws:x': y}\n",
        "tags: {'AWS-run:x': y}\n",
        "keep: [everything]\n",
        "name: My Project\n",
        "retention: {logs: 31}\n",
        "command: []\n",
        "exclude: '*.tmp'\n",
        "retry: {max: 21}\n",
        "network: {subnets: [vpc-1]}\n",
        "checkpoint: {path: relative}\n",
    ],
)
def test_what_the_schema_refuses_the_loader_refuses(load: Load, yaml: str) -> None:
    assert not accepts(yaml)
    with pytest.raises(UsageError):
        load(yaml)


@pytest.mark.parametrize(
    "yaml",
    [
        "",
        "resources:\nenv:\nbuild: {python: null}\n",
        "resources: {cpu: 0.5, memory: 512MB, gpu: 0}\n",
        "resources: {cpu: 4+, memory: 16GiB+, gpu: L4}\n",
        "build: {python: 3.10}\n",
        "sync_every: 0\n",
        "command: [python, main.py]\n",
        "env: {A: null, B: 1, C: true, D: x}\n",
        "network: {public_ip: no}\n",
        "network: {public_ip: true}\n",
        "keep: [all]\n",
        "tags: {a: 1, b: 'c d'}\n",
        "limits: {max_cost: 5, max_price: '1.50'}\n",
    ],
)
def test_what_the_schema_accepts_the_loader_accepts(load: Load, yaml: str) -> None:
    assert accepts(yaml)
    assert load(yaml, environ={"A": "shell"})


def test_a_default_written_into_the_file_changes_nothing(load: Load) -> None:
    lines = []
    for option in OPTIONS:
        default = default_of(option)
        if option.key is None or default is None or option.key.startswith("checkpoint."):
            continue
        section, _, leaf = option.key.rpartition(".")
        text = json.dumps(default)
        lines.append((section, f"  {leaf}: {text}" if section else f"{leaf}: {text}"))
    yaml = "\n".join(line for section, line in lines if not section) + "\n"
    for name in sorted({section for section, _ in lines if section}):
        yaml += f"{name}:\n" + "".join(f"{line}\n" for section, line in lines if section == name)
    assert accepts(yaml)
    with_defaults = load(yaml)
    assert replace(with_defaults, file=None) == Config(project_dir=with_defaults.project_dir, name=with_defaults.name)
