"""Flags > environment (AWS_RUN_*) > aws-run.yaml > defaults, folded into one frozen Config.

Importing this package imports pydantic and yaml, so the CLI does it inside its commands, never for `--help`.
"""

from __future__ import annotations

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
    Limits,
    Network,
    Resources,
    Retry,
    SpotPolicy,
)

__all__ = [
    "Amount",
    "Arch",
    "BackendChoice",
    "Build",
    "Checkpoint",
    "Config",
    "Gpu",
    "Iam",
    "Limits",
    "Network",
    "Resources",
    "Retry",
    "SpotPolicy",
    "load_config",
]
