"""What should be there for a run: config in, resources out. Pure; a backend adds what is its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from aws_run import naming, partition
from aws_run.clock import iso
from aws_run.config.checks import refuse_region
from aws_run.infra import policies
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.resource_types.network import Network
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resource_types.role import Role
from aws_run.infra.tags import TAG_ACCOUNT, clean
from aws_run.naming import ProjectNames, RunNames
from aws_run.runs.spec import JobSpec

_KEEP_IMAGES = 50


def tags(job: JobSpec, *, owner: str, run_id: str | None = None, expires: datetime | None = None) -> dict[str, str]:
    """The user's tags under ours; `aws-run:*` is what discovery and ownership go by."""
    wanted = {**job.tags, naming.TAG_PROJECT: job.name, naming.TAG_OWNER: clean(owner)}
    if run_id:
        wanted[naming.TAG_RUN] = run_id
    if expires:
        wanted[naming.TAG_EXPIRES] = iso(expires)
    return wanted


def bucket(job: JobSpec, *, name: str, account: str, region: str) -> Bucket:
    """`name`: that of `bucket_names.own_bucket`. The first thing that a run wants, so a region whose ARNs are not ours
    to make ends it here."""
    return account_bucket(
        name=name,
        account=account,
        region=region,
        runs_retention_days=job.runs_retention_days,
        kms_key=job.kms_key,
        tags=job.tags,
    )


def account_bucket(
    *, name: str, account: str, region: str, runs_retention_days: int, kms_key: str | None, tags: Mapping[str, str]
) -> Bucket:
    """Without a job that runs."""
    refuse_region(region)
    return Bucket(
        name=name,
        region=region,
        runs_retention_days=runs_retention_days,
        kms_key=kms_key,
        tags={**tags, TAG_ACCOUNT: account},
    )


def network(tags: Mapping[str, str], *, account: str, region: str, zones: int = 2) -> Network:
    return Network(account=account, region=region, zones=zones, tags=dict(tags))


def repository(job: JobSpec, tags: Mapping[str, str]) -> Repository:
    return Repository(name=naming.repository_name(job.name), keep_images=_KEEP_IMAGES, tags=tags)


def log_group(job: JobSpec, *, region: str, tags: Mapping[str, str]) -> LogGroup:
    return LogGroup(
        name=ProjectNames(project=job.name, region=region).log_group,
        retention_days=job.log_retention_days,
        kms_key=job.kms_key,
        tags=tags,
    )


def execution_role(job: JobSpec, *, account: str, region: str, run_id: str, tags: Mapping[str, str]) -> Role:
    """The project's, shared by its runs; one of the run's own where it must read what other runs may not: secrets, or
    an image that lies in another repository of the account."""
    names = ProjectNames(project=job.name, region=region)
    repositories = [naming.repository_name(job.name)]
    theirs = _repository_of(job.image, account=account, region=region)
    if theirs and theirs not in repositories:
        repositories.append(theirs)
    own = bool(job.secrets) or len(repositories) > 1
    return Role(
        name=RunNames(run_id=run_id).execution_role if own else names.execution_role,
        scope="run" if own else "shared",
        service="ecs-tasks.amazonaws.com",
        trust_condition={"StringEquals": {"aws:SourceAccount": account}},
        policy=policies.execution_policy(
            account=account,
            region=region,
            repositories=repositories,
            log_group=names.log_group,
            secrets=job.secrets.values(),
        ),
        permissions_boundary=job.iam.permissions_boundary,
        tags=tags,
    )


def _repository_of(image: str | None, *, account: str, region: str) -> str | None:
    """The ECR repository of an image in this account and region; None for any other image."""
    server, _, path = (image or "").partition("/")
    if server != f"{account}.dkr.ecr.{region}.{partition.of_region(region).dns_suffix}":
        return None
    return re.split("[:@]", path, maxsplit=1)[0] or None


def instance_role(job: JobSpec, *, account: str, region: str, tags: Mapping[str, str]) -> Role:
    return Role(
        name=ProjectNames(project=job.name, region=region).instance_role,
        scope="shared",
        service=partition.of_region(region).ec2_principal,
        policy=policies.instance_policy(
            account=account, region=region, project=job.name, repository=naming.repository_name(job.name)
        ),
        instance_profile=True,
        permissions_boundary=job.iam.permissions_boundary,
        tags=tags,
    )


def task_role(
    job: JobSpec,
    *,
    account: str,
    region: str,
    bucket: str,
    run_id: str,
    tags: Mapping[str, str],
    read: tuple[policies.ReadOnly, ...] = (),
    kms_key: str | None = None,
) -> Role | None:
    """Limited to the run's own prefix, so one a run. None where the user names a role of their own. `read`: inputs that
    are not copied. `kms_key`: the bucket's, where it has one."""
    if job.iam.task_role != "auto":
        return None
    return Role(
        name=RunNames(run_id=run_id).task_role,
        scope="run",
        service="ecs-tasks.amazonaws.com",
        trust_condition={"StringEquals": {"aws:SourceAccount": account}},
        policy=policies.task_policy(
            account=account,
            region=region,
            bucket=bucket,
            project=job.name,
            run_id=run_id,
            read=read,
            kms_key=kms_key,
            sessions=job.exec,
        ),
        permissions_boundary=job.iam.permissions_boundary,
        tags=tags,
    )
