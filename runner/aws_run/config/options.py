"""The one table of options. The loader, the CLI's flags, the JSON Schema and the docs are all made from it.

Importing it imports no loader and no yaml, because `aws-run submit --help` is made from it too.
"""

from __future__ import annotations

from aws_run.config import value_types
from aws_run.config.option import ExtraFlag, Option
from aws_run.config.value_types import ValueType

__all__ = [
    "EXTRA_FLAGS",
    "EXTRA_VARIABLES",
    "FLAGS",
    "OPTIONS",
    "VARIABLES",
    "ExtraFlag",
    "Option",
    "extra_flag",
    "option_of",
]

_IMAGE_NAME = value_types.pattern(r"^\S{1,512}$", "the name of an image")
_ARGUMENT = value_types.pattern(
    r"^(--?[A-Za-z0-9][A-Za-z0-9_.-]{0,99}=?|[A-Za-z_+][A-Za-z0-9_./@+-]{0,99}=?)?$",
    "an option like --input-dir, a name like data.dir=, or empty",
)
_INSTANCE_TYPE = value_types.pattern(r"^[a-z][a-z0-9-]*\.([a-z0-9-]+)$", "an instance type; they look like c7i.2xlarge")

OPTIONS: tuple[Option, ...] = (
    Option(
        key="name",
        field="name",
        env="AWS_RUN_NAME",
        flag="name",
        short="-n",
        metavar="NAME",
        kind=value_types.NAME,
        help="The project's name in AWS. Default: the folder's name.",
    ),
    Option(
        key="command",
        field="command",
        flag="command",
        metavar="CMD",
        kind=value_types.COMMAND,
        help="The command to run, without a shell; -i and -o are appended. Default: the one script that takes -i and "
        "-o, or the Dockerfile's own command.",
    ),
    Option(
        key=None,
        field="args",
        flag="args",
        shown_as="ARGS after --",
        kind=value_types.listed(ValueType(parse=str)),
        help="Arguments for the command, put before -i and -o.",
    ),
    Option(
        key="input",
        field="inputs",
        env="AWS_RUN_INPUT",
        flag="input",
        short="-i",
        shown_as="-i",
        metavar="[NAME=]DIR",
        repeatable=True,
        kind=value_types.INPUTS,
        help="The input: a folder, or s3://bucket/prefix, which is read in place. Several inputs need names: "
        "-i NAME=DIR, in the file {NAME: DIR}; the script's -i is then a folder that holds one of each name.",
    ),
    Option(
        key="output",
        field="output",
        env="AWS_RUN_OUTPUT",
        flag="output",
        short="-o",
        shown_as="-o",
        metavar="DIR",
        kind=value_types.text("a folder"),
        help="The folder for the results; created if it is missing.",
    ),
    Option(
        key="outputs",
        field="outputs",
        env="AWS_RUN_OUTPUTS",
        kind=value_types.choice("optional", "required"),
        default="optional",
        help="required: a job that ends well but saves no file has failed (exit code 125); optional: it is warned of.",
    ),
    Option(
        key="follow_output",
        field="follow_output",
        env="AWS_RUN_FOLLOW_OUTPUT",
        flag="follow_output",
        kind=value_types.SWITCH,
        help="Fetch saved results while the job runs (every sync_every); a file that the job deletes is deleted here "
        "too.",
    ),
    Option(
        key=None,
        field="yes",
        env="AWS_RUN_YES",
        flag="yes",
        short="-y",
        kind=value_types.SWITCH,
        help="Send a home folder, or more than 20,000 files or 1 GB, into the image without being asked.",
    ),
    Option(
        key=None,
        field="follow_links",
        env="AWS_RUN_FOLLOW_LINKS",
        flag="follow_links",
        kind=value_types.SWITCH,
        help="Send what links of an input lead to, also outside of its folder: data of DVC, git-annex, or a cache of "
        "Hugging Face.",
    ),
    Option(
        key="full_sync",
        field="full_sync",
        env="AWS_RUN_FULL_SYNC",
        flag="full_sync",
        kind=value_types.SWITCH,
        help="Read every input file and list the bucket, instead of trusting sizes, times and the last snapshot.",
    ),
    Option(
        key="exclude",
        field="exclude",
        env="AWS_RUN_EXCLUDE",
        flag="exclude",
        metavar="PATTERN",
        repeatable=True,
        kind=value_types.listed(value_types.text("a pattern")),
        merge="add",
        help="Patterns, as in .gitignore, of files that are never sent.",
    ),
    Option(
        key="backend",
        field="backend",
        env="AWS_RUN_BACKEND",
        flag="backend",
        metavar="auto|ec2|fargate",
        kind=value_types.choice("auto", "ec2", "fargate"),
        default="auto",
        help="Where the job runs. auto: Fargate, unless only EC2 offers what is requested (GPUs, instance types, large "
        "machines, spot_policy auto).",
    ),
    Option(
        key="resources.cpu",
        field="resources.cpu",
        env="AWS_RUN_CPU",
        flag="cpu",
        metavar="N[+]",
        kind=value_types.CPU,
        help="vCPUs: exactly 4 or 0.5, or 4+ for at least 4. Without --memory there is at least the default's 8GB, "
        "where a size has both.",
    ),
    Option(
        key="resources.memory",
        field="resources.memory_mib",
        env="AWS_RUN_MEMORY",
        flag="memory",
        metavar="SIZE[+]",
        kind=value_types.MEMORY,
        help="Memory: 16GB, 512MB, or 16GB+ for at least. 1GB is 1024 MiB, as AWS counts. Without --cpu there stay at "
        "least the default's 2 vCPUs. On EC2 it is the machine's nominal memory, of which the job gets about 7 % less.",
    ),
    Option(
        key="resources.gpu",
        field="resources.gpu",
        env="AWS_RUN_GPU",
        flag="gpu",
        metavar="[MODEL:]N",
        kind=value_types.GPU,
        help="GPUs: L4:1 (model and number), L4, 1 (any model), or 0 for none.",
    ),
    Option(
        key="resources.disk",
        field="resources.disk_gib",
        env="AWS_RUN_DISK",
        flag="disk",
        metavar="SIZE",
        kind=value_types.DISK,
        help="Disk for the image, the input and the outputs, for example 100GB. Default: what they need, at least 40GB "
        "(EC2) or 20GB (Fargate).",
    ),
    Option(
        key="resources.output_size",
        field="resources.output_gib",
        env="AWS_RUN_OUTPUT_SIZE",
        flag="output_size",
        metavar="SIZE",
        kind=value_types.DISK,
        help="The most that the job writes, checkpoints included; the disk is sized for it. Default: as much as the "
        "input.",
    ),
    Option(
        key="resources.arch",
        field="resources.arch",
        env="AWS_RUN_ARCH",
        flag="arch",
        metavar="x86_64|arm64",
        kind=value_types.choice("x86_64", "arm64"),
        default="x86_64",
        help="The CPU architecture; arm64 has no GPUs.",
    ),
    Option(
        key="resources.instance_types",
        field="resources.instance_types",
        env="AWS_RUN_INSTANCE_TYPES",
        flag="instance_type",
        metavar="TYPE",
        repeatable=True,
        kind=value_types.listed(_INSTANCE_TYPE),
        help="The only EC2 instance types to choose from, best first.",
    ),
    Option(
        key="spot_policy",
        field="spot_policy",
        env="AWS_RUN_SPOT_POLICY",
        flag="spot_policy",
        metavar="spot|on-demand|auto",
        kind=value_types.choice("spot", "on-demand", "auto"),
        default="on-demand",
        help="spot: spot capacity only; on-demand: never spot; auto (EC2): spot first, on-demand where there is none.",
    ),
    Option(
        key="timeout",
        field="timeout_s",
        env="AWS_RUN_TIMEOUT",
        flag="timeout",
        metavar="TIME",
        kind=value_types.duration(1, value_types.MAX_TIMEOUT_S, "14 days"),
        default="2h",
        help="The longest that the run may take, all attempts together; then it is stopped and torn down.",
    ),
    Option(
        key="limits.max_cost",
        field="limits.max_cost_usd",
        env="AWS_RUN_MAX_COST",
        flag="max_cost",
        metavar="USD",
        kind=value_types.MONEY,
        help="The most that the run may cost; it is stopped before it costs more.",
    ),
    Option(
        key="limits.max_price",
        field="limits.max_price_usd_per_hour",
        env="AWS_RUN_MAX_PRICE",
        flag="max_price",
        metavar="USD",
        kind=value_types.MONEY,
        help="The most that the hardware may cost per hour.",
    ),
    Option(
        key="retry.on",
        field="retry.on",
        kind=value_types.listed(value_types.choice("no-capacity", "interruption")),
        help="interruption: start another attempt when AWS takes the machine away; no-capacity: request capacity "
        "again when AWS has none.",
    ),
    Option(
        key="retry.max",
        field="retry.max",
        env="AWS_RUN_RETRIES",
        flag="retries",
        metavar="N",
        kind=value_types.whole(0, 20),
        default=3,
        help="How many more attempts to make, for each reason in retry.on. The client that follows the run starts "
        "them: a detached run has one attempt.",
    ),
    Option(
        key="checkpoint.path",
        field="checkpoint.path",
        env="AWS_RUN_CHECKPOINT",
        kind=value_types.pattern(r"^/[^\s]{1,255}$", "an absolute path in the container"),
        help="A folder in the container that is saved and given to the next attempt.",
    ),
    Option(
        key="checkpoint.every",
        field="checkpoint.every_s",
        env="AWS_RUN_CHECKPOINT_EVERY",
        kind=value_types.duration(1, 86_400, "1 day"),
        default="5m",
        help="How often checkpoints are saved.",
    ),
    Option(
        key="sync_every",
        field="sync_every_s",
        env="AWS_RUN_SYNC_EVERY",
        kind=value_types.duration(0, 86_400, "1 day"),
        default="60s",
        help="How often outputs are saved while the job runs; 0 = only at the end.",
    ),
    Option(
        key="env",
        field="env",
        env="AWS_RUN_ENV",
        flag="env",
        metavar="K=V",
        repeatable=True,
        kind=value_types.ENV,
        merge="add",
        help="Environment variables for the job. One without a value (in the file: null) takes the shell's value; the "
        "project's own file may do so only with your consent, see --trust-project-file.",
    ),
    Option(
        key="secrets",
        field="secrets",
        env="AWS_RUN_SECRETS",
        flag="secret",
        metavar="K=ARN",
        repeatable=True,
        kind=value_types.SECRETS,
        merge="add",
        help="Environment variables whose values AWS reads from Secrets Manager or SSM when the job starts.",
    ),
    Option(
        key="image",
        field="image",
        env="AWS_RUN_IMAGE",
        flag="image",
        metavar="URI",
        kind=_IMAGE_NAME,
        help="The URI of an image that aws-run built: nothing is built. Other images lack the program that brings the "
        "data.",
    ),
    Option(
        key="build.dockerfile",
        field="build.dockerfile",
        env="AWS_RUN_DOCKERFILE",
        flag="dockerfile",
        metavar="auto|none|FILE",
        kind=value_types.text("auto, none or the path of a Dockerfile"),
        default="auto",
        help="auto: the project's Dockerfile if there is one; none: never; or its path inside the project.",
    ),
    Option(
        key="build.python",
        field="build.python",
        env="AWS_RUN_PYTHON",
        kind=value_types.PYTHON,
        help="The image's Python version. Default: what the project declares.",
    ),
    Option(
        key="build.base_image",
        field="build.base_image",
        env="AWS_RUN_BASE_IMAGE",
        flag="base_image",
        metavar="IMAGE",
        kind=_IMAGE_NAME,
        help="The image to build on when the project has no Dockerfile.",
    ),
    Option(
        key=None,
        field="build.trust_dockerfile",
        env="AWS_RUN_TRUST_DOCKERFILE",
        flag="trust_dockerfile",
        kind=value_types.SWITCH,
        help="Give the passwords of package indexes and proxies to the project's own Dockerfile too (as the secret "
        "`settings`); otherwise it gets only their addresses.",
    ),
    Option(
        key="build.refresh_base",
        field="build.refresh_base",
        env="AWS_RUN_REFRESH_BASE",
        flag="refresh_base",
        kind=value_types.SWITCH,
        help="Get the newest base image from its registry; otherwise the one used before is used again, by digest.",
    ),
    Option(
        key="network.subnets",
        field="network.subnets",
        env="AWS_RUN_SUBNETS",
        flag="subnets",
        metavar="ID,…",
        kind=value_types.listed(
            value_types.pattern(r"^subnet-[0-9a-f]{8,17}$", "a subnet; they look like subnet-0abc…")
        ),
        help="Subnets to run in. Default: those of the default VPC.",
    ),
    Option(
        key="network.security_groups",
        field="network.security_groups",
        env="AWS_RUN_SECURITY_GROUPS",
        flag="security_groups",
        metavar="ID,…",
        kind=value_types.listed(
            value_types.pattern(r"^sg-[0-9a-f]{8,17}$", "a security group; they look like sg-0abc…")
        ),
        help="Security groups for the job. Default: the VPC's default group.",
    ),
    Option(
        key="network.public_ip",
        field="network.public_ip",
        env="AWS_RUN_PUBLIC_IP",
        kind=value_types.PUBLIC_IP,
        help="Whether the machine gets a public IP address. auto: if every subnet assigns one (MapPublicIpOnLaunch).",
    ),
    Option(
        key="iam.task_role",
        field="iam.task_role",
        env="AWS_RUN_TASK_ROLE",
        flag="task_role",
        metavar="auto|ARN",
        kind=value_types.pattern(r"^(auto|arn:aws[a-z-]*:iam::\d{12}:role/\S+)$", "auto or the ARN of a role"),
        default="auto",
        help="The role that the job has in AWS. auto: one that may use the job's own folders in the bucket and nothing "
        "else.",
    ),
    Option(
        key="iam.permissions_boundary",
        field="iam.permissions_boundary",
        env="AWS_RUN_PERMISSIONS_BOUNDARY",
        flag="permissions_boundary",
        metavar="ARN",
        kind=value_types.pattern(r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+$", "the ARN of a policy"),
        help="The permissions boundary of every role that is created.",
    ),
    Option(
        key="exec",
        field="exec",
        env="AWS_RUN_EXEC",
        flag="exec",
        kind=value_types.SWITCH,
        help="Let `aws-run exec` run commands in the job's container while it runs (ECS Exec). The run's role gets the "
        "rights that this needs, so it is off by default.",
    ),
    Option(
        key="kms_key",
        field="kms_key",
        env="AWS_RUN_KMS_KEY",
        flag="kms_key",
        metavar="ARN",
        kind=value_types.pattern(r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]{1,64}$", "the ARN of a KMS key"),
        help="The KMS key that encrypts the bucket and the job's log. The bucket is the account's, so all of its "
        "projects share the key. Default: S3's and CloudWatch's own keys.",
    ),
    Option(
        key="tags",
        field="tags",
        env="AWS_RUN_TAGS",
        flag="tag",
        metavar="K=V",
        repeatable=True,
        kind=value_types.TAGS,
        merge="add",
        help="Tags for every resource that is created.",
    ),
    Option(
        key="keep",
        field="keep",
        env="AWS_RUN_KEEP",
        flag="keep",
        metavar="KIND",
        repeatable=True,
        kind=value_types.KEEP,
        help="Kinds of resources that are not removed after the run; --keep adds to the list. Without roles and "
        "log-group here, what the project's runs share goes with the last of them. The bucket and the repository stay "
        "even with []: only `aws-run destroy --everything` removes them.",
    ),
    Option(
        key="retention.logs",
        field="log_retention_days",
        env="AWS_RUN_RETENTION_LOGS",
        kind=value_types.LOG_DAYS,
        help="How many days CloudWatch keeps the logs.",
    ),
    Option(
        key="retention.runs",
        field="runs_retention_days",
        env="AWS_RUN_RETENTION_RUNS",
        kind=value_types.whole(2, 3650),
        help="How many days the bucket keeps a run's record and outputs: at least a day more than the timeout. All "
        "projects of an account share the bucket, and the longest retention among them holds for all.",
    ),
    Option(
        key="tolerances",
        field="tolerances",
        kind=value_types.TOLERANCES,
        help="For the comment under a pull request: how far the numbers of a metrics.json may differ from the base "
        "branch's before that is remarked, as a part of the value: {loss: 0.05}; '*' for all others. Default: 0.",
    ),
    Option(
        key="region",
        field="region",
        env="AWS_RUN_REGION",
        flag="region",
        metavar="REGION",
        kind=value_types.pattern(r"^[a-z]{2,4}(-[a-z]+)+-\d$", "a region; they look like eu-central-1"),
        help="The AWS region, also of AWS China and GovCloud. Default: the profile's.",
    ),
    Option(
        key=None,
        field="profile",
        env="AWS_RUN_PROFILE",
        flag="profile",
        metavar="NAME",
        kind=value_types.text("the name of a profile"),
        help="The AWS profile whose credentials are used.",
    ),
    Option(
        key="labels",
        field="labels",
        env="AWS_RUN_LABELS",
        flag="label",
        metavar="WORD",
        repeatable=True,
        kind=value_types.listed(value_types.pattern(r"^[\w.:/=+@-]{1,100}$", "one word, like lr=0.1")),
        merge="add",
        help="A word that `status`, `ps` and `diff` show of the run.",
    ),
    Option(
        key=None,
        field="note",
        env="AWS_RUN_NOTE",
        flag="note",
        metavar="TEXT",
        kind=value_types.pattern(r"^[^\n]{1,300}$", "one line of at most 300 characters"),
        help="One line about the run, kept with it.",
    ),
    Option(
        key="build.dependencies",
        field="build.dependencies",
        env="AWS_RUN_DEPENDENCIES",
        kind=value_types.text("auto, none or the path of a list"),
        help="The list of dependencies that is installed, where a project has several: its path; none: nothing is.",
    ),
    Option(
        key="build.extras",
        field="build.extras",
        env="AWS_RUN_EXTRAS",
        kind=value_types.listed(value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of an extra")),
        help="Optional dependencies of the project that are installed too, as pip's `.[train]`.",
    ),
    Option(
        key="build.groups",
        field="build.groups",
        env="AWS_RUN_GROUPS",
        kind=value_types.listed(value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of a group")),
        help="Dependency groups (PEP 735, poetry, pdm, pipenv) that are installed too.",
    ),
    Option(
        key="build.install",
        field="build.install",
        env="AWS_RUN_INSTALL",
        kind=value_types.SWITCH,
        help="Whether the project itself is installed, as `pip install -e .` does. Default: where it is a package; if "
        "that fails, its folder is on PYTHONPATH.",
    ),
    Option(
        key="build.apt",
        field="build.apt",
        env="AWS_RUN_APT",
        kind=value_types.listed(
            value_types.pattern(r"^[a-z0-9][a-z0-9.+-]{0,99}$", "the name of a Debian package, like libgl1")
        ),
        help="Debian packages that are put into the image, when the project has no Dockerfile: [libgl1, ffmpeg].",
    ),
    Option(
        key="build.target",
        field="build.target",
        env="AWS_RUN_TARGET",
        kind=value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of a stage"),
        help="The stage of the project's Dockerfile that is built; default: the last.",
    ),
    Option(
        key="build.args",
        field="build.args",
        env="AWS_RUN_BUILD_ARGS",
        kind=value_types.BUILD_ARGS,
        merge="add",
        help="Build arguments (ARG) of the project's Dockerfile. They are no place for secrets: the image keeps them.",
    ),
    Option(
        key="build.context",
        field="build.context",
        env="AWS_RUN_BUILD_CONTEXT",
        kind=value_types.text("a folder inside the project"),
        help="The folder of the project that its Dockerfile sees, as `docker build FOLDER` does; default: all of it.",
    ),
    Option(
        key="build.secrets",
        field="build.secrets",
        env="AWS_RUN_BUILD_SECRETS",
        flag="build_secret",
        metavar="NAME",
        repeatable=True,
        kind=value_types.listed(value_types.pattern(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "the name of a variable")),
        merge="add",
        help="Variables of this shell that the image build can read and the image never holds: tokens of package "
        "indexes, as in `--extra-index-url https://${TOKEN}@host/simple`. A Dockerfile mounts each by its name.",
    ),
    Option(
        key="build.pip",
        field="build.pip",
        env="AWS_RUN_BUILD_PIP",
        kind=value_types.SWITCH,
        help="Whether the job can install packages itself, with pip. Default: where one of its scripts calls pip.",
    ),
    Option(
        key="arguments.input",
        field="arguments.input",
        env="AWS_RUN_ARGUMENTS_INPUT",
        kind=_ARGUMENT,
        help="The option by which the command is given the input folder; empty: none, it comes first; with = at its "
        "end: one word with the folder (`data.dir=`); for a notebook the parameter's name. Default: as the script "
        "declares it, else -i.",
    ),
    Option(
        key="arguments.output",
        field="arguments.output",
        env="AWS_RUN_ARGUMENTS_OUTPUT",
        kind=_ARGUMENT,
        help="The same for the output folder; default: as the script declares it, else -o.",
    ),
)

EXTRA_FLAGS: tuple[ExtraFlag, ...] = (
    ExtraFlag(
        flag="file",
        short="-f",
        env="AWS_RUN_FILE",
        metavar="FILE",
        beside="name",
        help="The configuration file. Default: the project's own aws-run.yaml.",
    ),
    ExtraFlag(
        flag="spot",
        beside="spot_policy",
        help="The same as --spot-policy spot.",
    ),
    ExtraFlag(
        flag="env_file",
        key="env_file",
        env="AWS_RUN_ENV_FILE",
        metavar="FILE",
        beside="env",
        help="A file of K=V lines: environment variables for the job. --env overrides it; aws-run.yaml may name one of "
        "the project, which its `env:` overrides.",
    ),
    ExtraFlag(
        flag="trust_project_file",
        env="AWS_RUN_TRUST_PROJECT_FILE",
        beside="keep",
        help="Let the project's own file name inputs, outputs, roles, secrets and variables outside of its folder.",
    ),
)

# The flags that `load_config` takes; it is handed the file by itself, and trust is the CLI's question.
FILE_KEYS = tuple(extra.key for extra in EXTRA_FLAGS if extra.key)
FLAGS = frozenset(option.flag for option in OPTIONS if option.flag) | {"spot", "env_file"}
EXTRA_VARIABLES = (*(extra.env for extra in EXTRA_FLAGS if extra.env), "AWS_RUN_DEBUG")
VARIABLES = (*(option.env for option in OPTIONS if option.env), *EXTRA_VARIABLES)


def option_of(field: str) -> Option:
    return next(option for option in OPTIONS if option.field == field)


def extra_flag(flag: str) -> ExtraFlag:
    return next(extra for extra in EXTRA_FLAGS if extra.flag == flag)
