"""Flags > environment (AWS_RUN_*) > aws-run.yaml > defaults, folded into one frozen Config.

The names come in when they are first used: a help page, which is made from the table in `options`, needs no loader.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_run.config.init_template import ProjectSurvey, render_yaml
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
    "render_yaml",
]

_ELSEWHERE = {
    "options": ("FLAGS", "OPTIONS", "VARIABLES"),
    "init_template": ("ProjectSurvey", "render_yaml"),
    "load": ("load_config",),
    "schema": ("config_schema",),
}
_MODULES = {name: module for module, names in _ELSEWHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'models')}"), name)
