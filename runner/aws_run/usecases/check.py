"""`aws-run check`: what is fine and what to do, before anything is started. Reads only."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from aws_run import command_line, partition
from aws_run.aws.errors import DENIED, is_transient
from aws_run.aws.session import Aws
from aws_run.backends import network
from aws_run.config import Config, Input
from aws_run.data import inspect_input
from aws_run.errors import AwsCallError, AwsRunError, CredentialsError
from aws_run.frozen import frozen
from aws_run.hints import joined
from aws_run.image.base import not_had_hint
from aws_run.image.docker.engine import check_docker
from aws_run.image.plan import ImagePlan, plan_image
from aws_run.image.sources.results import looks_like_a_project
from aws_run.image.sources.too_many import refuse_many
from aws_run.infra import desired
from aws_run.infra.bucket_names import own_bucket
from aws_run.infra.observe import observe_one
from aws_run.lifecycle.context import AppContext
from aws_run.pricing.hardware import backend_for
from aws_run.report.format import count, size
from aws_run.runs.spec import JobSpec

State = Literal["ok", "warning", "failed"]
_NO_CREDENTIALS = "`aws configure` sets them up (with SSO: `aws configure sso`); --local needs no account"

_NO_ANSWER = "see whether a firewall, a proxy or an endpoint's policy is between here and them, then check again"


@frozen
class Finding:
    """`todo`: what to do about it, empty where it is fine."""

    what: str
    state: State
    text: str
    todo: str = ""


# Reads that a run makes too, one a service: a refusal here is a refusal there.
_PERMISSIONS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("ecs", "list_clusters", {"maxResults": 1}),
    ("ecr", "describe_repositories", {"maxResults": 1}),
    ("ec2", "describe_launch_templates", {"MaxResults": 1}),
    ("autoscaling", "describe_auto_scaling_groups", {"MaxRecords": 1}),
    ("iam", "list_roles", {"PathPrefix": "/aws-run/", "MaxItems": 1}),
    ("logs", "describe_log_groups", {"limit": 1}),
    ("ssm", "get_parameter", {"Name": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"}),
)
_QUOTAS: tuple[tuple[str, str, str], ...] = (
    ("Fargate vCPUs", "fargate", "L-3032A538"),
    ("EC2 vCPUs, standard", "ec2", "L-1216C47A"),
    ("EC2 vCPUs, standard spot", "ec2", "L-34B43A08"),
    ("EC2 vCPUs, G GPUs", "ec2", "L-DB2E81BA"),
    ("EC2 vCPUs, G GPUs spot", "ec2", "L-3819A6DF"),
)


def check(context: AppContext, config: Config, *, without_docker: str | None = None) -> list[Finding]:
    """What would be used, then all checks side by side, in a fixed order. Without credentials the rest of AWS is not
    asked; whatever else is missing is told in the same round. `without_docker`: why no engine is needed here, None
    where one is."""
    aws = context.aws
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="check") as pool:
        docker = pool.submit(_docker, without_docker)
        first = _account(aws)
        checks: list[Callable[[], list[Finding]]] = []
        if all(finding.state == "ok" for finding in first):
            checks = [lambda: [_bucket(aws, config)], lambda: [_network(aws, config)]]
            checks += [lambda one=one: [_input(context, config, one)] for one in config.inputs]  # type: ignore[misc]
            checks.append(lambda: _permissions(aws))
            checks += [lambda quota=quota: [_quota(aws, *quota)] for quota in _QUOTAS]  # type: ignore[misc]
        others = [pool.submit(one) for one in checks]
        known = [*_project(config, context), *first, docker.result()]
        return [*known, *(finding for other in others for finding in other.result())]


def _project(config: Config, context: AppContext) -> list[Finding]:
    """What a run would use, told before anything is built."""
    if config.image is not None:
        return [Finding(what="project", state="ok", text=f"the image {config.image}; nothing is built")]
    if not _holds_a_project(config.project_dir):
        # Planning would read all that is below: not what is meant in somebody's home folder.
        todo = "go to the project's folder to see what a run of it would use"
        return [Finding(what="project", state="warning", text="none in this folder", todo=todo)]
    try:
        plan = plan_image(config, entrypoint_layer=lambda: b"", accept=refuse_many(config.project_dir))
        plan = context.find_base(plan, False)
    except AwsRunError as error:
        return [Finding(what="project", state="failed", text=error.message, todo=error.hint or "")]
    problem = None if plan.base is None else plan.base.problem
    return [
        Finding(what="project", state="ok", text=plan.summary),
        *([Finding(what="project", state="ok", text=f"command: {_command(plan, config)}")] if plan.command else []),
        *(Finding(what="project", state="ok", text=note) for note in plan.notes),
        *([Finding(what="base image", state="warning", text=problem, todo=not_had_hint())] if problem else []),
    ]


def _command(plan: ImagePlan, config: Config) -> str:
    return shlex.join(command_line.shown(plan.command or (), config.args, plan.arguments))


def _holds_a_project(folder: Path) -> bool:
    scripts = (".py", ".ipynb", ".sh")
    return looks_like_a_project(folder) or any(path.suffix in scripts for path in folder.iterdir())


def _account(aws: Aws) -> list[Finding]:
    """Region and credentials. Neither hides the other."""
    region = aws.configured_region
    if region is None:
        todo = "`aws configure set region us-east-1`, --region or AWS_REGION names one"
        missing = Finding(what="region", state="failed", text="none is set", todo=todo)
        if aws.has_credentials:
            there = Finding(
                what="credentials",
                state="ok",
                text="there are credentials; AWS can say whose they are once a region is set",
            )
            return [missing, there]
        none = Finding(what="credentials", state="failed", text="there are none", todo=_NO_CREDENTIALS)
        return [missing, none]
    try:
        identity = aws.identity()
    except AwsRunError as error:
        what = "credentials" if isinstance(error, CredentialsError) else "AWS"
        todo = error.hint or "" if aws.has_credentials else _NO_CREDENTIALS
        wrong = Finding(what=what, state="failed", text=error.message, todo=todo)
        return [Finding(what="region", state="ok", text=region), wrong]
    return [
        Finding(what="region", state="ok", text=identity.region),
        Finding(what="credentials", state="ok", text=f"{identity.arn} in account {identity.account}"),
    ]


def _docker(without: str | None) -> Finding:
    if without is not None:
        return Finding(what="docker", state="ok", text=f"not needed: {without}")
    engine = check_docker()
    if not engine.ok:
        return Finding(
            what="docker", state="failed", text=engine.problem or "no engine answers", todo=engine.hint or ""
        )
    kind = "BuildKit" if engine.buildkit else "the classic builder (slower; install docker-buildx)"
    return Finding(what="docker", state="ok" if engine.buildkit else "warning", text=f"engine {engine.version}, {kind}")


def _bucket(aws: Aws, config: Config) -> Finding:
    identity = aws.identity()
    try:
        name = own_bucket(aws)
        job = JobSpec.from_config(config)
        wanted = desired.bucket(job, name=name, account=identity.account, region=identity.region)
        there = observe_one(aws, wanted).present
    except AwsRunError as error:
        return Finding(what="bucket", state="failed", text=error.message, todo=error.hint or "")
    return Finding(what="bucket", state="ok", text=f"{wanted.name} {'is there' if there else 'will be made'}")


def _input(context: AppContext, config: Config, one: Input) -> Finding:
    what = f"input {one.name}" if one.name else "input"
    try:
        seen = inspect_input(
            one,
            context.storage,
            emit=lambda event: None,
            project=config.name,
            exclude=config.exclude,
            follow_links=config.follow_links,
        )
    except AwsRunError as error:
        return Finding(what=what, state="failed", text=error.message, todo=error.hint or "")
    held = f"{one.place}: {count(seen.files, 'file')}, {size(seen.bytes)}"
    pinned = f"; a run would pin them by {seen.pinned.by}" if seen.pinned is not None else ""
    return Finding(what=what, state="ok", text=f"{held}{pinned}")


def _network(aws: Aws, config: Config) -> Finding:
    job = JobSpec.from_config(config)
    try:
        chosen = network.find_for(aws, job, backend_for(job))
    except AwsRunError as error:
        return Finding(what="network", state="failed", text=error.message, todo=error.hint or "")
    kind = "public" if chosen.public_ip else "private"
    text = joined("; ", (f"{len(chosen.subnets)} {kind} subnets in {', '.join(chosen.zones)}", *chosen.notes))
    return Finding(what="network", state="ok", text=text)


def _permissions(aws: Aws) -> list[Finding]:
    """Reads only: what may be created shows when it is created, and a refusal then leaves nothing behind."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        asked = list(pool.map(lambda call: _asked(aws, *call), _PERMISSIONS))
    refused = [one.name for one in asked if one.refused]
    silent = [f"{one.name} ({one.code})" for one in asked if one.silent]
    findings = []
    if refused:
        todo = "ask your AWS administrator to allow these for this role"
        text = f"refused: {', '.join(refused)}"
        findings.append(Finding(what="permissions", state="failed", text=text, todo=todo))
    if silent:
        text = f"did not answer: {', '.join(silent)}"
        findings.append(Finding(what="permissions", state="failed", text=text, todo=_NO_ANSWER))
    text = f"{len(_PERMISSIONS)} services answer (reading)"
    return findings or [Finding(what="permissions", state="ok", text=text)]


@frozen
class _Asked:
    """`silent`: there was no answer that says whether the call is allowed."""

    name: str
    code: str = ""
    refused: bool = False
    silent: bool = False


def _asked(aws: Aws, service: str, operation: str, parameters: dict[str, object]) -> _Asked:
    name = f"{service}:{operation}"
    try:
        aws.call(service, operation, **parameters)
    except CredentialsError:  # this service alone does not take them
        return _Asked(name=name, refused=True)
    except AwsCallError as error:
        return _Asked(name=name, code=error.code, refused=error.code in DENIED, silent=is_transient(error))
    return _Asked(name=name)


def _quota(aws: Aws, name: str, service: str, code: str) -> Finding:
    what = f"quota: {name}"
    try:
        value = float(
            aws.call("service-quotas", "get_service_quota", ServiceCode=service, QuotaCode=code)["Quota"]["Value"]
        )
    except (AwsCallError, CredentialsError) as error:
        return Finding(what=what, state="warning", text=f"not known ({error.code})")
    if value == 0:
        region = aws.identity().region
        return Finding(
            what=what,
            state="warning",
            text="0",
            todo=f"{partition.of_region(region).console(region)}/servicequotas/home/services/{service}/quotas/{code}",
        )
    return Finding(what=what, state="ok", text=f"{value:g}")
