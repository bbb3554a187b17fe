"""`aws-run config schema`."""

from __future__ import annotations

import json

import click


@click.group()
def config() -> None:
    """The configuration file, aws-run.yaml."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of aws-run.yaml, for editors and linters."""
    from aws_run.config.schema import config_schema

    click.echo(json.dumps(config_schema(), indent=2))
