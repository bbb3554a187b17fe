"""The options of an embedded AWS, and how a client reaches one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from aws_run.frozen import frozen

RuntimeChoice = Literal["auto", "docker", "process"]
RuntimeKind = Literal["docker", "process"]

# What the caller's access keys begin with: an exported one can be told from AWS's after the embedded AWS has stopped.
CALLER_PREFIX = "AKIALOCAL"
# The agent's containers see the host at this address, where ECS too serves credentials and metadata.
TASK_NETWORK = "aws-run-local"
TASK_SUBNET = "169.254.170.0/24"
TASK_GATEWAY = "169.254.170.2"


@frozen
class LocalOptions:
    """`boot_s`: from an instance's launch to its agent registering; all times are simulated seconds."""

    boot_s: float = 1.0
    runtime: RuntimeChoice = "auto"
    base_image: str | None = None  # with runtime auto: refused unless an engine that answers can have this image
    host: str | None = None  # None: 127.0.0.1, or all addresses where containers must reach it
    port: int = 0
    region: str = "us-east-1"
    account: str = "123456789012"
    registry: str | None = None  # host:port of a registry that runs already
    default_vpc: bool = True
    no_capacity: tuple[str, ...] = ()  # rules of launch_failures: "*", "spot:g5.xlarge=VcpuLimitExceeded#2"
    quotas: Mapping[str, float] = field(default_factory=dict)  # Service Quotas code -> vCPUs
    closed_regions: tuple[str, ...] = ()  # which the account has not enabled: they know none of its keys
    zone_ids: Mapping[str, str] = field(default_factory=dict)  # of default subnets' zones, as an old account has them
    foreign_buckets: tuple[str, ...] = ()  # names that another account took first
    settle_s: float | None = (
        None  # how long clusters, providers and groups are busy after a change; None: as boot_s, at most 1
    )
    # How long AWS takes to end things (docs/real-aws.md); None: as `settle_s`, which is quicker than AWS.
    cluster_end_s: float | None = None  # a cluster with capacity providers is DEPROVISIONING; AWS: 20 s and more
    instance_end_s: float | None = None  # an instance is shutting-down; AWS: a minute or two
    gpu_instance_end_s: float | None = None  # the same, of a type with GPUs; AWS: up to ten minutes
    scaling_delay_s: float = 0.0  # until Auto Scaling acts on a new size; AWS: up to a minute
    chaos_seed: int | None = None
    role_propagation_s: float = 0.0  # how long a new role can't be assumed
    role_id_s: float = 0.0  # how long EC2 takes a role for the deleted one that had its name
    pass_role_s: float = 0.0  # how long nobody may pass a new role, whatever the policies say
    policy_propagation_s: float = 0.0  # how long a new role has no rights yet: a task's, or its execution role
    versioning_settle_s: float = 0.0  # how long a bucket whose versioning was just enabled has no object; AWS: minutes
    provisioning_timeout_s: float = 900.0
    # The caller is held to this IAM document; None: the caller is the account's administrator.
    caller_policy: Mapping[str, Any] | None = None
    may_kill: bool = False  # a test may have its client killed at a call


_VARIABLES = (
    "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
)  # fmt: skip


@frozen
class LocalAws:
    """A reachable embedded AWS. `runtime_reason`: one plain sentence on why tasks run the way they do."""

    endpoint_url: str
    region: str
    account: str
    runtime: RuntimeKind
    runtime_reason: str
    state_dir: str
    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)  # of its own pages, under /_aws-run/

    @staticmethod
    def exported(environ: Mapping[str, str]) -> tuple[str, ...]:
        """The variables of `environment` that a shell has, of any embedded AWS that ever ran; none where the keys are
        somebody else's."""
        if not environ.get("AWS_ACCESS_KEY_ID", "").startswith(CALLER_PREFIX):
            return ()
        return tuple(name for name in _VARIABLES if name in environ)

    def environment(self) -> dict[str, str]:
        """What boto3, the aws CLI and the tool need to talk to it."""
        values = (self.endpoint_url, self.access_key, self.secret_key, self.region, self.region, "true")
        return dict(zip(_VARIABLES, values, strict=True))
