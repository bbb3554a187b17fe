"""Flags > environment (AWS_RUN_*) > aws-run.yaml > defaults, folded into one frozen Config.

Importing this package imports pydantic and yaml, so the CLI does it inside its commands, never for `--help`.
"""

from __future__ import annotations

from aws_run.config.init_template import ProjectSurvey, look_around, render_yaml
from aws_run.config.load import load_config
from aws_run.config.models import (
    Amount,
    Arch,
    BackendChoice,
    Build,
    Checkpoint,
    Config,
    Gpu,
    Iam,
    Input,
    Limits,
    Network,
    Outside,
    Resources,
    Retry,
    SpotPolicy,
)
from aws_run.config.options import FLAGS, OPTIONS, VARIABLES
from aws_run.config.schema import config_schema

__all__ = [
    "FLAGS",
    "OPTIONS",
    "VARIABLES",
    "Amount",
    "Arch",
    "BackendChoice",
    "Build",
    "Checkpoint",
    "Config",
    "Gpu",
    "Iam",
    "Input",
    "Limits",
    "Network",
    "Outside",
    "ProjectSurvey",
    "Resources",
    "Retry",
    "SpotPolicy",
    "config_schema",
    "load_config",
    "look_around",
    "render_yaml",
]
