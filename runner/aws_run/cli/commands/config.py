"""`aws-run config schema`."""

from __future__ import annotations

import click

from aws_run.cli.help_text import WholeSentences
from aws_run.cli.say import result_json


@click.group(cls=WholeSentences)
def config() -> None:
    """The configuration file, aws-run.yaml."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of aws-run.yaml, for editors and linters."""
    from aws_run.config.schema import config_schema

    result_json(config_schema(), indent=2)
