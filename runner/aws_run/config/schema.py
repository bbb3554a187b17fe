"""The JSON Schema of aws-run.yaml, for editors and for `aws-run config schema`. Made from the table of options."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from aws_run.config.models import SECTIONS, Config
from aws_run.config.options import EXTRA_FLAGS, OPTIONS, Option

_SECTION_HELP = {
    "build": "How the image is made.",
    "arguments": "How the command is given the two folders, where it takes them otherwise than by -i and -o.",
    "resources": "The hardware that the job needs.",
    "retry": "When another attempt is made.",
    "checkpoint": "What is saved for the next attempt; without this section there are no checkpoints.",
    "limits": "What the run may cost.",
    "network": "The network that the job runs in.",
    "iam": "What the job may do in AWS.",
    "retention": "How long logs and results are kept in AWS.",
}


def config_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file as people write it, not of the units inside."""
    properties: dict[str, Any] = {
        "version": {"description": "The version of this file's format.", "const": 1, "default": 1}
    }
    for option in OPTIONS:
        if option.key is None:
            continue
        section, _, leaf = option.key.rpartition(".")
        target = properties
        if section:
            if section not in properties:
                properties[section] = {
                    "description": _SECTION_HELP[section],
                    "type": ["object", "null"],
                    "additionalProperties": False,
                    "properties": {},
                }
            target = properties[section]["properties"]
        target[leaf] = _property(option)
        for extra in EXTRA_FLAGS:
            if extra.key and extra.beside == option.flag:
                also = ", ".join(filter(None, (extra.long_flag, extra.env)))
                properties[extra.key] = {"description": f"{extra.help} Also {also}.", "type": ["string", "null"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aws-run.yaml",
        "description": "The settings of one project; flags and AWS_RUN_* variables override it.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def default_of(option: Option) -> Any:
    """The default as one would write it in the file; None if there is none."""
    if option.kind.shape == "inputs":
        return None
    if option.default is not None:
        return option.default
    section, _, leaf = option.field.rpartition(".")
    cls = SECTIONS[section] if section else Config
    field = next(each for each in fields(cls) if each.name == leaf)
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else _plain(field.default)


def _property(option: Option) -> dict[str, Any]:
    places = [option.shown_flag if option.flag else "", option.env or ""]
    also = ", ".join(place for place in places if place)
    described: dict[str, Any] = {"description": f"{option.help}{f' Also {also}.' if also else ''}"}
    default = default_of(option)
    if default is not None:
        described["default"] = default
    # null means the same as leaving the key out.
    return {**described, "anyOf": [*option.kind.schema.get("anyOf", [option.kind.schema]), {"type": "null"}]}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
