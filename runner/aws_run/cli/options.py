"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from aws_run.cli.types import PATH, TEXT

F = TypeVar("F", bound=Callable[..., Any])


def _all(function: F, options: list[Callable[[F], F]]) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def aws_options(function: F) -> F:
    """Where to look: an account, a region, or the embedded AWS."""
    return _all(
        function,
        [
            click.option("--profile", help="AWS profile to use."),
            click.option("--region", help="AWS region to use."),
            click.option("--local", is_flag=True, help="Use the embedded AWS instead of an account."),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
            click.option("--debug", is_flag=True, help="Show AWS round trips, and tracebacks of unexpected errors."),
        ],
    )


def project_options(function: F) -> F:
    """Which project's configuration; `-f` is left to --follow here."""
    return _all(
        function,
        [
            click.option("-n", "--name", help="Project name; default: the folder's."),
            click.option("--file", type=PATH, help="Configuration file; default: aws-run.yaml."),
        ],
    )


def file_options(function: F) -> F:
    """Which project's configuration."""
    return _all(
        function,
        [
            click.option("-n", "--name", help="Project name; default: the folder's."),
            click.option("-f", "--file", type=PATH, help="Configuration file; default: aws-run.yaml."),
        ],
    )


def run_options(function: F) -> F:
    """Everything a run can be asked for; each stands in aws-run.yaml too."""
    return _all(
        function,
        [
            click.option(
                "-i",
                "--input",
                multiple=True,
                metavar="[NAME=]DIR",
                help="Input: a folder, or s3://bucket/prefix, read in place. Several have names: -i a=DIR -i b=s3://…",
            ),
            click.option("-o", "--output", metavar="DIR", help="Folder for the results."),
            click.option(
                "--follow-output",
                is_flag=True,
                default=None,
                help="Fetch results while the job runs, not only after it.",
            ),
            click.option(
                "--full-sync",
                is_flag=True,
                default=None,
                help="Compare every input file with S3 by its bytes, not by size and time.",
            ),
            click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these files out (repeatable)."),
            click.option(
                "--backend",
                metavar="auto|ec2|fargate",
                help="Where to run; default: auto (Fargate, unless only EC2 has it).",
            ),
            click.option("--cpu", metavar="N[+]", help="vCPUs: 4 exactly, 4+ at least."),
            click.option(
                "--memory",
                metavar="SIZE",
                help="Memory, for example 16GB; on EC2 the machine's, of which the job gets about 7 % less.",
            ),
            click.option("--gpu", metavar="[MODEL:]N", help="GPUs, for example 1 or L4:1."),
            click.option(
                "--disk",
                metavar="SIZE",
                help="Disk, for example 100GB; default: what image, input and output need.",
            ),
            click.option(
                "--output-size",
                metavar="SIZE",
                help="What the job writes, to size the disk; default: as much as the input.",
            ),
            click.option("--arch", metavar="x86_64|arm64", help="CPU architecture."),
            click.option("--instance-type", multiple=True, metavar="TYPE", help="EC2 type (repeatable)."),
            click.option("--spot", is_flag=True, default=None, help="Use spot capacity."),
            click.option("--spot-policy", metavar="spot|on-demand|auto", help="auto: spot, else on-demand (EC2)."),
            click.option("--timeout", metavar="TIME", help="Deadline of the job, for example 2h; default 2h."),
            click.option("--max-cost", metavar="USD", help="Stop before the run costs more."),
            click.option("--max-price", metavar="USD", help="Only hardware at most this dear per hour."),
            click.option("--retries", type=int, metavar="N", help="Attempts after an interruption."),
            click.option("--env", multiple=True, metavar="K=V", help="Environment variable (repeatable)."),
            click.option("--env-file", type=PATH, metavar="FILE", help="File of K=V lines."),
            click.option("--secret", multiple=True, metavar="NAME=ARN", help="Secret by ARN (repeatable)."),
            click.option("--image", metavar="URI", help="An image that aws-run built; nothing is built."),
            click.option("--dockerfile", metavar="FILE", help="Dockerfile; auto, none or a path."),
            click.option("--base-image", metavar="IMAGE", help="Base image for the built-in recipe."),
            click.option(
                "--trust-dockerfile",
                is_flag=True,
                default=None,
                help="Let the project's own Dockerfile read the passwords of your package indexes.",
            ),
            click.option(
                "--refresh-base",
                is_flag=True,
                default=None,
                help="Build on the newest base image, not on the one used before.",
            ),
            click.option("--subnets", type=TEXT, metavar="IDS", help="Subnets, comma-separated."),
            click.option("--security-groups", type=TEXT, metavar="IDS", help="Security groups, comma-separated."),
            click.option("--task-role", metavar="ARN", help="Task role of your own."),
            click.option("--tag", multiple=True, metavar="K=V", help="Tag for everything made (repeatable)."),
            click.option(
                "--keep",
                multiple=True,
                metavar="KIND",
                help="Don't remove this kind (repeatable); bucket and repository always stay.",
            ),
            click.option(
                "--trust-project-file",
                is_flag=True,
                envvar="AWS_RUN_TRUST_PROJECT_FILE",
                help="Let the project's own file name inputs, outputs and variables outside of its folder.",
            ),
            click.option(
                "--runtime",
                type=click.Choice(["auto", "docker", "process"]),
                default="auto",
                help="With --local: containers of Docker, or plain processes, which see this machine as you do.",
            ),
        ],
    )
