"""What the person or workflow that calls aws-run must be allowed: each IAM action, on what, for which calls, and why.

This table is the only place that says so. From it come the policy that `aws-run iam-policy --role caller` prints,
docs/iam.md, and the hint of an error after AWS has refused a call. A test holds it to the calls that the code makes.
The forms of the resources and the condition keys are those of AWS's Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from aws_run.frozen import frozen
from aws_run.naming import IAM_PATH, TAG_RUN, WITHOUT_NAMESPACE

Command = Literal[
    "check", "plan", "submit", "ps", "status", "logs", "wait", "pull", "explain", "cancel", "cleanup", "gc", "destroy",
    "network", "offers", "cost", "report", "exec", "allowance", "quota",
]  # fmt: skip

ANY = "*"
_ECS = "arn:aws:ecs:{region}:{account}:"
_EC2 = "arn:aws:ec2:{region}:{account}:"
_IAM = "arn:aws:iam::{account}:"
CLUSTERS = f"{_ECS}cluster/arun-*"
PROVIDERS = f"{_ECS}capacity-provider/arun-*"
DEFINITIONS = f"{_ECS}task-definition/arun-*"
TASKS = f"{_ECS}task/arun-*/*"
GROUPS = "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/arun-*"
TEMPLATES = f"{_EC2}launch-template/*"
FLEETS = f"{_EC2}fleet/*"
INSTANCES, VOLUMES, INTERFACES = (f"{_EC2}{kind}/*" for kind in ("instance", "volume", "network-interface"))
LAUNCHED = (
    INSTANCES, VOLUMES, *(f"{_EC2}{kind}/*" for kind in ("network-interface", "subnet", "security-group")),
    "arn:aws:ec2:{region}::image/*",
)  # fmt: skip
ROLES = f"{_IAM}role{IAM_PATH}arun-*"
PROFILES = f"{_IAM}instance-profile{IAM_PATH}arun-*"
# IAM knows no path of a role or profile that is not there, and checks its bare name.
ROLES_NOT_THERE = f"{_IAM}role/arun-*"
PROFILES_NOT_THERE = f"{_IAM}instance-profile/arun-*"
KEYS = "arn:aws:kms:{region}:{account}:key/*"
LOG_GROUPS = "arn:aws:logs:{region}:{account}:log-group:/aws-run/*"
SCHEDULES = "arn:aws:scheduler:{region}:{account}:schedule/default/arun-*"
REPOSITORIES = "arn:aws:ecr:{region}:{account}:repository/arun/*"
BUCKET = "arn:aws:s3:::arun-{account}-{region}-an"  # with another end in regions that are WITHOUT_NAMESPACE
WITHOUT_NAMESPACE_TEXT = f"in {' and '.join(sorted(WITHOUT_NAMESPACE))}"
OBJECTS = f"{BUCKET}/*"

# Auto Scaling looks whether the caller may do what they do.
_LAUNCH_CALLS = ("autoscaling:CreateAutoScalingGroup", "autoscaling:LaunchInstances")

_TAGGED_NEW = {"Null": {f"aws:RequestTag/{TAG_RUN}": "false"}}
_TAGGED = {"Null": {f"aws:ResourceTag/{TAG_RUN}": "false"}}
_FROM_TEMPLATE = {"ArnLike": {"ec2:LaunchTemplate": TEMPLATES}}

RUN: tuple[Command, ...] = ("submit",)
_ALL_RUNS: tuple[Command, ...] = (
    "check", "plan", "submit", "ps", "status", "logs", "wait", "pull", "explain", "cancel", "cleanup", "gc", "destroy",
    "cost", "report", "exec",
)  # fmt: skip
ENDING: tuple[Command, ...] = ("submit", "cancel", "cleanup", "gc")
LISTING: tuple[Command, ...] = ("submit", "gc")


@frozen
class Right:
    """`calls`: the API operations for which AWS checks it, as `service:Operation` in boto3's names of services.
    `commands`: those that make such a call; `start`, `wait`, `attach` and `logs -f` do what `submit` does,
    and `status`, `pull`, `bench` and `destroy` finish a run that has ended with nobody at it. `rarely`:
    when they do, where that is not every time. `without`: what the commands do without it; empty: they fail."""

    action: str
    on: tuple[str, ...] = (ANY,)
    calls: tuple[str, ...]
    commands: tuple[Command, ...]
    why: str
    condition: Mapping[str, Mapping[str, str | list[str]]] = field(default_factory=dict)
    rarely: str = ""
    without: str = ""


def _own(action: str, *on: str, commands: tuple[Command, ...], why: str, rarely: str = "", without: str = "",
         also: tuple[str, ...] = ()) -> Right:  # fmt: skip
    """An action that is the operation's own name."""
    return Right(
        action=action, on=on or (ANY,), calls=(_call(action), *also), commands=commands, why=why, rarely=rarely,
        without=without,
    )  # fmt: skip


def _call(action: str) -> str:
    return action.replace("servicequotas:", "service-quotas:")


_NOT_COLLECTED = "what runs whose client died have left is not found, and not removed"
_FRESH = "where the machine has not read them today"
_QUOTA = "a quota that is too small shows only when AWS refuses the instance"
_RETRY = "when a run tries again after its machine was taken away"
_DEAD_AGENT = "when the agent of a machine no longer answers"
_CHANGED_ROLE = "when a role of an older version is brought up to date"

RIGHTS: tuple[Right, ...] = (
    # What is there: reads that know no resource.
    _own(
        "ec2:DescribeSubnets", commands=("check", "plan", "submit", "offers"), why="the network that a run is put into"
    ),
    *(
        _own(
            f"ec2:{name}",
            commands=("plan", "submit", "offers"),
            why="whether a subnet leads to what a run needs",
            rarely="with --subnets, or in a region without a default VPC",
            without="nobody checks that the subnets lead there",
        )
        for name in ("DescribeRouteTables", "DescribeVpcEndpoints")
    ),
    _own(
        "ec2:DescribeInstanceTypeOfferings",
        commands=("plan", "submit", "offers"),
        why="zones that have the instance type",
        rarely=_FRESH,
    ),
    _own(
        "ec2:DescribeInstanceTypes",
        commands=("plan", "submit", "offers"),
        why="what hardware there is",
        rarely="on EC2, where the machine has not read them this week",
        without="the choice is among the types of the packaged table",
    ),
    _own(
        "pricing:GetProducts",
        commands=("plan", "submit", "offers"),
        why="what the hardware costs in this region",
        rarely=_FRESH,
        without="prices are the packaged table's; in a region that it lacks --max-cost and --max-price are refused",
    ),
    _own(
        "ce:GetCostAndUsageWithResources",
        commands=("cost",),
        why="what AWS has billed of each run",
        rarely="with --billed",
        without="--billed is refused",
    ),
    _own(
        "bcm-data-exports:ListExports",
        commands=("cost",),
        why="whether there is an export that has every line",
        rarely="with --billed",
        without="no export is named",
    ),
    _own(
        "ec2:DescribeSpotPriceHistory",
        commands=("plan", "submit", "offers"),
        why="what spot costs in each zone",
        rarely="with --spot on EC2",
        without="spot counts as what on-demand costs",
    ),
    _own(
        "ssm:GetParameter",
        "arn:aws:ssm:{region}:*:parameter/aws/service/ecs/*",
        commands=("check", "plan", "submit"),
        why="the machine image that AWS recommends for ECS",
    ),
    _own(
        "servicequotas:GetServiceQuota",
        commands=("check", "plan", "submit", "offers", "quota"),
        why="whether the account may start such a machine",
        rarely="on EC2, where the machine has not read a quota with plenty of room today",
        without=_QUOTA,
    ),
    *(
        _own(
            f"servicequotas:{name}",
            commands=("quota",),
            why="a larger quota is requested, and the request watched",
            rarely="when a quota is to be raised",
        )
        for name in (
            "RequestServiceQuotaIncrease",
            "GetRequestedServiceQuotaChange",
            "ListRequestedServiceQuotaChangeHistoryByQuota",
        )
    ),
    _own(
        "ec2:DescribeRegions",
        commands=("check", "plan", "submit"),
        why="whether the region is one that the account has not enabled",
        rarely="when a region does not know the credentials",
        without="the region's refusal is shown as it is",
    ),
    # What the configuration names.
    _own(
        "iam:GetPolicy",
        f"{_IAM}policy/*",
        commands=("plan", "submit"),
        why="whether the permissions boundary is there",
        rarely="with --permissions-boundary",
        without="nobody checks that it is there",
    ),
    *(
        _own(
            f"kms:{name}",
            KEYS,
            commands=("plan", "submit"),
            why="whether the key can be used",
            rarely="with --kms-key",
            without="nobody checks the key",
        )
        for name in ("DescribeKey", "GetKeyPolicy")
    ),
    *(
        Right(
            action=f"kms:{action}",
            on=(KEYS,),
            calls=(call,),
            commands=("submit", "pull"),
            why="S3 uses the bucket's key in the caller's name",
            condition={"StringLike": {"kms:ViaService": "s3.*"}},
            rarely="with --kms-key",
        )
        for action, call in (("Decrypt", "s3:GetObject"), ("GenerateDataKey", "s3:PutObject"))
    ),
    _own(
        "logs:AssociateKmsKey",
        LOG_GROUPS,
        commands=RUN,
        why="the log's key",
        rarely="when a project that has a log group names its first --kms-key",
    ),
    # Registry.
    _own(
        "ecr:DescribeRepositories",
        "arn:aws:ecr:{region}:{account}:repository/*",
        commands=("check", "plan", "submit", "destroy"),
        why="whether the project's repository is there",
    ),
    _own("ecr:DescribeImages", REPOSITORIES, commands=("plan", "submit"), why="whether the image is there already"),
    _own(
        "ecr:GetDownloadUrlForLayer",
        REPOSITORIES,
        commands=("plan", "submit"),
        why="for which architecture a ready image is",
        rarely="with --image",
        without="an image for another architecture than the hardware shows only when it runs",
    ),
    _own("ecr:CreateRepository", REPOSITORIES, commands=RUN, why="the project's repository"),
    Right(
        action="ecr:TagResource",
        on=(REPOSITORIES,),
        calls=("ecr:CreateRepository",),
        commands=RUN,
        why="its tags: whose it is",
    ),
    _own("ecr:PutLifecyclePolicy", REPOSITORIES, commands=RUN, why="old images go by themselves"),
    _own("ecr:GetAuthorizationToken", commands=RUN, why="Docker's login", rarely="where Docker builds"),
    *(
        _own(f"ecr:{name}", REPOSITORIES, commands=RUN, why="the image is pushed")
        for name in (
            "BatchCheckLayerAvailability",
            "InitiateLayerUpload",
            "UploadLayerPart",
            "CompleteLayerUpload",
            "PutImage",
        )
    ),
    _own(
        "ecr:BatchGetImage",
        REPOSITORIES,
        commands=("plan", "submit"),
        why="the image is pushed; of a ready one, whether it is there, its digest and its architecture",
    ),
    _own("ecr:ListTagsForResource", REPOSITORIES, commands=("destroy",), why="whose the repository is"),
    _own("ecr:DeleteRepository", REPOSITORIES, commands=("destroy",), why="removal of the images"),
    # Bucket.
    Right(
        action="s3:ListBucket",
        on=(BUCKET,),
        calls=("s3:HeadBucket", "s3:ListObjectsV2"),
        commands=("submit", "ps", "cost", "report", "cancel", "cleanup", "gc", "destroy"),
        why="the runs there are; a HEAD carries no prefix",
    ),
    _own(
        "s3:GetBucketTagging",
        BUCKET,
        commands=("check", "plan", "submit", "destroy", "allowance"),
        why="whether the bucket is as it should be",
    ),
    Right(
        action="s3:ListAllMyBuckets",
        calls=("s3:ListBuckets",),
        commands=_ALL_RUNS,
        why="the account's own id, of which the bucket's name is made",
        rarely=WITHOUT_NAMESPACE_TEXT,
    ),
    _own("s3:CreateBucket", BUCKET, commands=(*RUN, "allowance"), why="the account's bucket for runs"),
    *(
        Right(action=f"s3:{action}", on=(BUCKET,), calls=(f"s3:{call}",), commands=(*RUN, "allowance"), why=why)
        for action, call, why in (
            ("PutBucketPublicAccessBlock", "PutPublicAccessBlock", "the bucket is never public"),
            ("PutBucketVersioning", "PutBucketVersioning", "a run reads the input as it was sent"),
            ("PutEncryptionConfiguration", "PutBucketEncryption", "encryption at rest"),
            ("PutBucketPolicy", "PutBucketPolicy", "only TLS"),
            ("PutLifecycleConfiguration", "PutBucketLifecycleConfiguration", "old results go by themselves"),
            ("PutBucketTagging", "PutBucketTagging", "tags: whose it is"),
        )
    ),
    Right(
        action="s3:GetObject",
        on=(OBJECTS,),
        calls=("s3:GetObject", "s3:HeadObject"),
        commands=(
            "plan",
            "submit",
            "ps",
            "status",
            "cost",
            "report",
            "logs",
            "wait",
            "pull",
            "explain",
            "cancel",
            "cleanup",
            "gc",
            "allowance",
        ),
        why="records, results, snapshots of inputs, the allowance",
    ),
    Right(
        action="s3:GetObjectVersion",
        on=(OBJECTS,),
        calls=("s3:GetObject", "s3:HeadObject"),
        commands=("submit", "pull"),
        why="outputs as their list pins them",
    ),
    _own(
        "s3:PutObject",
        OBJECTS,
        commands=(*ENDING, "report", "destroy", "allowance"),
        why="inputs, records, marks, locks, reports and what is held of the allowance",
    ),
    _own(
        "s3:AbortMultipartUpload",
        OBJECTS,
        commands=RUN,
        why="the rest of a large input that was not sent",
        rarely="when sending a large file is cut short",
    ),
    _own(
        "s3:DeleteObject",
        OBJECTS,
        commands=(*ENDING, "allowance"),
        why="marks and locks",
        also=("s3:DeleteObjects",),
        without="the marks and locks of ended runs stay, and other runs wait for them to expire",
    ),
    Right(
        action="s3:ListBucketVersions",
        on=(BUCKET,),
        calls=("s3:ListObjectVersions",),
        commands=("destroy",),
        why="what the project has in the bucket",
    ),
    Right(
        action="s3:DeleteObjectVersion",
        on=(OBJECTS,),
        calls=("s3:DeleteObjects",),
        commands=("destroy",),
        why="removal of it",
    ),
    _own("s3:DeleteBucket", BUCKET, commands=("destroy",), why="the bucket goes with its last project"),
    # Roles of the run.
    *(
        _own(f"iam:{name}", ROLES, commands=RUN, why=why)
        for name, why in (
            ("CreateRole", "the roles of the task, of ECS, of the machine and of the deadline"),
            ("PutRolePolicy", "what they may do"),
        )
    ),
    Right(
        action="iam:TagRole",
        on=(ROLES,),
        calls=("iam:CreateRole", "iam:TagRole"),
        commands=RUN,
        why="tags: whose they are",
    ),
    *(
        _own(f"iam:{name}", ROLES, commands=RUN, why="the same", rarely=_CHANGED_ROLE)
        for name in ("UpdateAssumeRolePolicy", "PutRolePermissionsBoundary")
    ),
    _own("iam:GetRole", ROLES, ROLES_NOT_THERE, commands=("plan", *ENDING, "destroy"), why="whether a role is there"),
    _own("iam:ListRolePolicies", ROLES, ROLES_NOT_THERE, commands=ENDING, why="a role goes after its policies"),
    _own("iam:ListAttachedRolePolicies", ROLES, ROLES_NOT_THERE, commands=ENDING, why="a role goes after its policies"),
    _own("iam:DeleteRolePolicy", ROLES, commands=ENDING, why="a role goes after its policies"),
    _own(
        "iam:DetachRolePolicy",
        ROLES,
        commands=ENDING,
        why="a role goes after its policies",
        rarely="when somebody has attached a policy",
    ),
    _own("iam:DeleteRole", ROLES, ROLES_NOT_THERE, commands=ENDING, why="removal of the run's roles"),
    _own(
        "iam:GetInstanceProfile", PROFILES, PROFILES_NOT_THERE, commands=("plan", "submit"), why="whether it is there"
    ),
    _own("iam:CreateInstanceProfile", PROFILES, commands=RUN, why="the machine's role"),
    Right(
        action="iam:TagInstanceProfile",
        on=(PROFILES,),
        calls=("iam:CreateInstanceProfile", "iam:TagInstanceProfile"),
        commands=RUN,
        why="tags: whose it is",
    ),
    _own("iam:AddRoleToInstanceProfile", PROFILES, commands=RUN, why="the machine's role"),
    _own("iam:RemoveRoleFromInstanceProfile", PROFILES, PROFILES_NOT_THERE, commands=ENDING, why="removal of it"),
    _own("iam:DeleteInstanceProfile", PROFILES, PROFILES_NOT_THERE, commands=ENDING, why="removal of it"),
    _own("iam:ListRoles", commands=("check", *LISTING), why="roles that ended runs left", without=_NOT_COLLECTED),
    Right(
        action="iam:PassRole",
        on=(ROLES,),
        condition={
            "StringEquals": {
                "iam:PassedToService": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com", "scheduler.amazonaws.com"]
            }
        },
        calls=(
            "ecs:RegisterTaskDefinition",
            "ecs:RunTask",
            "autoscaling:CreateAutoScalingGroup",
            "iam:AddRoleToInstanceProfile",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
        ),
        commands=RUN,
        why="the run's roles go to ECS, to EC2 and to Scheduler, and to nobody else",
    ),
    Right(
        action="iam:CreateServiceLinkedRole",
        on=(f"{_IAM}role/aws-service-role/*",),
        condition={
            "StringEquals": {
                "iam:AWSServiceName": ["ecs.amazonaws.com", "autoscaling.amazonaws.com", "spot.amazonaws.com"]
            }
        },
        calls=("ecs:CreateCluster", "autoscaling:CreateAutoScalingGroup"),
        commands=RUN,
        why="the first run of an account makes the services' own roles",
        rarely="in a new account",
    ),
    # Log.
    _own(
        "logs:DescribeLogGroups", commands=("check", "plan", *ENDING, "destroy"), why="whether the log group is there"
    ),
    _own("logs:CreateLogGroup", LOG_GROUPS, commands=RUN, why="the project's log group"),
    Right(
        action="logs:TagResource",
        on=(LOG_GROUPS,),
        calls=("logs:CreateLogGroup",),
        commands=RUN,
        why="tags: whose it is",
    ),
    _own("logs:PutRetentionPolicy", LOG_GROUPS, commands=RUN, why="old logs go by themselves"),
    _own("logs:GetLogEvents", LOG_GROUPS, commands=("submit", "logs", "cancel", "cleanup"), why="the job's output"),
    _own("logs:DeleteLogGroup", LOG_GROUPS, commands=ENDING, why="removal of it"),
    # Cluster and task.
    _own("ecs:CreateCluster", CLUSTERS, commands=RUN, why="the run's cluster"),
    Right(
        action="ecs:TagResource",
        on=(CLUSTERS, PROVIDERS, DEFINITIONS, TASKS),
        calls=("ecs:CreateCluster", "ecs:CreateCapacityProvider", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
        commands=RUN,
        why="tags: whose they are",
    ),
    _own("ecs:DescribeClusters", CLUSTERS, commands=ENDING, why="whether it is there"),
    _own("ecs:PutClusterCapacityProviders", CLUSTERS, commands=ENDING, why="the machine joins and leaves the cluster"),
    _own("ecs:ListContainerInstances", CLUSTERS, commands=ENDING, why="machines that are still in it"),
    _own(
        "ecs:DeregisterContainerInstance",
        CLUSTERS,
        commands=ENDING,
        why="a machine is taken out of it",
        rarely=_DEAD_AGENT,
    ),
    _own("ecs:DeleteCluster", CLUSTERS, commands=ENDING, why="removal of it"),
    _own("ecs:ListClusters", commands=("check", *LISTING), why="clusters that ended runs left", without=_NOT_COLLECTED),
    Right(
        action="ecs:CreateCapacityProvider",
        condition=_TAGGED_NEW,
        calls=("ecs:CreateCapacityProvider",),
        commands=RUN,
        why="the run's machine; its tag must be a run's",
    ),
    _own("ecs:DescribeCapacityProviders", commands=ENDING, why="whether it is there, and which ended runs left"),
    _own("ecs:DeleteCapacityProvider", PROVIDERS, commands=ENDING, why="removal of it"),
    _own("ecs:RegisterTaskDefinition", DEFINITIONS, commands=RUN, why="what the task is started from"),
    _own("ecs:RunTask", DEFINITIONS, commands=RUN, why="the job starts"),
    _own(
        "ecs:DescribeTasks",
        TASKS,
        commands=("submit", "status", "logs", "explain", "cancel", "cleanup", "exec"),
        why="how the job is doing",
    ),
    Right(
        action="ecs:ListTasks",
        condition={"ArnLike": {"ecs:cluster": CLUSTERS}},
        calls=("ecs:ListTasks",),
        commands=ENDING,
        why="tasks that are still on the cluster",
    ),
    _own("ecs:StopTask", TASKS, commands=ENDING, why="the job is stopped", rarely="while the job is running"),
    _own(
        "ecs:ExecuteCommand",
        CLUSTERS,
        TASKS,
        commands=("exec",),
        why="a command in the container of a job that was started with --exec",
        rarely="with `aws-run exec`",
        without="everything else works",
    ),
    _own("ecs:ListTaskDefinitions", commands=ENDING, why="the revisions to remove"),
    _own(
        "ecs:ListTaskDefinitionFamilies",
        commands=LISTING,
        why="definitions that ended runs left",
        without=_NOT_COLLECTED,
    ),
    _own("ecs:DeregisterTaskDefinition", commands=ENDING, why="removal of them; IAM knows no resource for it"),
    _own("ecs:DeleteTaskDefinitions", DEFINITIONS, commands=ENDING, why="removal of them"),
    # Deadline on Fargate.
    _own(
        "scheduler:CreateSchedule",
        SCHEDULES,
        commands=RUN,
        why="AWS stops the task at its deadline even without a client",
        without="only the container itself keeps the deadline, and the run says so",
    ),
    _own(
        "scheduler:UpdateSchedule",
        SCHEDULES,
        commands=RUN,
        why="the same for another attempt",
        rarely="when the answer to its creation was lost, or a run tries again",
    ),
    _own("scheduler:GetSchedule", SCHEDULES, commands=ENDING, why="whether it is there"),
    _own("scheduler:DeleteSchedule", SCHEDULES, commands=ENDING, why="removal of it"),
    _own("scheduler:ListSchedules", commands=LISTING, why="schedules that ended runs left", without=_NOT_COLLECTED),
    # Machine on EC2.
    Right(
        action="ec2:CreateLaunchTemplate",
        on=(TEMPLATES,),
        condition=_TAGGED_NEW,
        calls=("ec2:CreateLaunchTemplate",),
        commands=RUN,
        why="how the run's machine is started",
    ),
    Right(
        action="ec2:CreateTags",
        on=(TEMPLATES, INSTANCES, VOLUMES, INTERFACES),
        condition={"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "RunInstances"]}},
        calls=("ec2:CreateLaunchTemplate", *_LAUNCH_CALLS),
        commands=RUN,
        why="tags: whose they are; only while they are made",
    ),
    Right(
        action="ec2:RunInstances",
        on=(TEMPLATES,),
        condition=_TAGGED,
        calls=_LAUNCH_CALLS,
        commands=RUN,
        why="a machine from a run's launch template; Auto Scaling asks whether the caller may",
    ),
    Right(
        action="ec2:RunInstances",
        on=LAUNCHED,
        condition=_FROM_TEMPLATE,
        calls=_LAUNCH_CALLS,
        commands=RUN,
        why="the same: what it consists of",
    ),
    Right(
        action="ec2:DeleteLaunchTemplate",
        on=(TEMPLATES,),
        condition=_TAGGED,
        calls=("ec2:DeleteLaunchTemplate",),
        commands=ENDING,
        why="removal of it",
    ),
    _own(
        "ec2:DescribeLaunchTemplates", commands=("check", *ENDING), why="whether it is there, and which ended runs left"
    ),
    _own(
        "ec2:DescribeInstances",
        commands=("plan", *ENDING, "offers", "quota"),
        why="how long machines ran, and whether they are gone",
    ),
    Right(
        action="ec2:TerminateInstances",
        on=(INSTANCES,),
        condition=_TAGGED,
        calls=("ec2:TerminateInstances",),
        commands=ENDING,
        why="the bill ends at once",
        rarely="while Auto Scaling has not ended the machine itself",
    ),
    _own("autoscaling:CreateAutoScalingGroup", GROUPS, commands=RUN, why="the group that the machine lives in"),
    Right(
        action="autoscaling:CreateOrUpdateTags",
        on=(GROUPS,),
        calls=("autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags"),
        commands=RUN,
        why="tags: whose it is",
    ),
    _own(
        "autoscaling:PutScheduledUpdateGroupAction",
        GROUPS,
        commands=RUN,
        why="AWS ends the machine at its deadline even without a client",
    ),
    *(
        Right(
            action=action,
            on=on,
            calls=("autoscaling:LaunchInstances",),
            commands=RUN,
            why="AWS answers at once with the machine, or why there is none",
            rarely="where the run has one subnet",
            without="the group asks for the machine, and what became of it is read from its scaling activities",
        )
        for action, on in (
            ("autoscaling:LaunchInstances", (GROUPS,)),
            # What a fleet may launch is bounded by ec2:RunInstances.
            ("ec2:CreateFleet", (FLEETS, TEMPLATES, *LAUNCHED)),
            ("ec2:DescribeLaunchTemplateVersions", (ANY,)),
        )
    ),
    _own("autoscaling:SuspendProcesses", GROUPS, commands=RUN, why="a machine that ended is not replaced"),
    _own("autoscaling:ResumeProcesses", GROUPS, commands=RUN, why="another machine for another attempt", rarely=_RETRY),
    _own("autoscaling:UpdateAutoScalingGroup", GROUPS, commands=ENDING, why="the machine starts, and ends"),
    _own("autoscaling:DeleteAutoScalingGroup", GROUPS, commands=ENDING, why="removal of it"),
    _own(
        "autoscaling:DescribeAutoScalingGroups",
        commands=("check", *ENDING),
        why="whether it is there, and which ended runs left",
    ),
    _own(
        "autoscaling:DescribeScalingActivities",
        commands=RUN,
        why="why no machine comes",
        rarely="while a machine is waited for",
        without="the reason for a missing machine is not known, and the run waits for it until it gives up",
    ),
    _own(
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        GROUPS,
        commands=ENDING,
        why="a machine of an earlier attempt ends",
        rarely=_RETRY,
    ),
)


# What `network create` and `network delete` need beside the reads above: once a region, by whoever keeps the networks.
NETWORK_RIGHTS: tuple[Right, ...] = tuple(
    Right(action=f"ec2:{name}", calls=(f"ec2:{name}",), commands=("network",), why=why)
    for why, names in {
        "what is there": ("DescribeVpcs", "DescribeInternetGateways", "DescribeAvailabilityZones"),
        "the network of a region without a default VPC": (
            "CreateVpc",
            "CreateSubnet",
            "ModifySubnetAttribute",
            "CreateInternetGateway",
            "AttachInternetGateway",
            "CreateRoute",
            "CreateVpcEndpoint",
            "CreateTags",
        ),
        "removal of it": (
            "DeleteVpc",
            "DeleteSubnet",
            "DetachInternetGateway",
            "DeleteInternetGateway",
            "DeleteVpcEndpoints",
        ),
    }.items()
    for name in names
)


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions that AWS checks for an operation, for a hint. `service` as in boto3, `operation` in CamelCase.

    The operation's own name comes first, and stands alone for a call that the table lacks.
    """
    call = f"{service}:{operation}"
    matching = dict.fromkeys(right.action for right in (*RIGHTS, *NETWORK_RIGHTS) if call in right.calls)
    ordered = sorted(matching, key=lambda action: action != _action(call))
    return tuple(ordered) or (_action(call),)


def _action(call: str) -> str:
    return call.replace("service-quotas:", "servicequotas:")
