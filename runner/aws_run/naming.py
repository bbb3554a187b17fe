"""Names of everything the tool makes. All begin with `arun-` (AWS refuses `aws…` in many places) and fit the
shortest limit that applies: 64 characters for roles and client tokens (aws-facts §1)."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from pathlib import Path

from aws_run.frozen import frozen

PREFIX = "arun"
TAG_RUN = "aws-run:run"
TAG_PROJECT = "aws-run:project"
TAG_OWNER = "aws-run:owner"
TAG_EXPIRES = "aws-run:expires"
IAM_PATH = "/aws-run/"
LOG_GROUPS = "/aws-run/"
S3_ENDPOINT = f"{PREFIX}-s3-endpoint"  # in a VPC of somebody else's
NETWORK = f"{PREFIX}-network"  # the account's, in a region without a default VPC

# arun-<project>-yyyymmdd-hhmmss-xxxx-task is the longest role name: 64 - 5 - 21 - 5 leaves 33.
PROJECT_MAX = 32
PROJECT_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_RUN_ID = re.compile(r"^(?P<project>[a-z][a-z0-9-]{0,31})-(?P<date>\d{8})-(?P<time>\d{6})-(?P<salt>[0-9a-f]{4})$")


def project_name(text: str) -> str:
    """`text` (a folder's name, say) as a project name: lower-case letters, digits and single dashes, at most 32."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_text)
    name = "-".join(words)[:PROJECT_MAX].strip("-")
    if not name:
        return "project"
    return name if name[0].isalpha() else f"p-{name}"[:PROJECT_MAX].strip("-")


def new_run_id(project: str, now: datetime, salt: str) -> str:
    """`<project>-<yyyymmdd>-<hhmmss>-<4 hex>`; `now` in UTC, `salt` four hex digits."""
    return f"{project}-{now:%Y%m%d-%H%M%S}-{salt}"


def any_run_id(project: str) -> str:
    """IAM's pattern for the run ids of one project. `?` is one character, so that it is as long as they are: `a-*`
    would mean the runs of the project `a-b` as well."""
    return f"{project}-{'?' * 8}-{'?' * 6}-{'?' * 4}"


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None


_LEAST_OF_A_PART = 4


def shortens(text: str, run_id: str) -> bool:
    """Whether a run may be called `text`: the beginning of its id, or of at least four characters the end of it or the
    beginning of the part after the project's name, which is its time. A single letter ends one id in sixteen."""
    if run_id.startswith(text):
        return True
    return len(text) >= _LEAST_OF_A_PART and (run_id.endswith(text) or run_id[-20:].startswith(text))


def project_of_run(run_id: str) -> str:
    """The project a run belongs to. ValueError when `run_id` is no run id."""
    match = _RUN_ID.fullmatch(run_id)
    if match is None:
        raise ValueError(f"{run_id!r} is not a run id")
    return match["project"]


# S3 has no namespaces of accounts there (its guide, "Namespaces for general purpose buckets").
WITHOUT_NAMESPACE = frozenset({"me-south-1", "me-central-1"})


def bucket_name(account: str, region: str, *, unguessable: str = "") -> str:
    """A name in the account's own regional namespace, so nobody else can hold it (aws-facts §1). Where there is no such
    namespace its end is `unguessable`: who knows the account's number must not know the name of its bucket."""
    return f"{PREFIX}-{account}-{region}-{unguessable if region in WITHOUT_NAMESPACE else 'an'}"


def repository_name(project: str) -> str:
    return f"{PREFIX}/{project}"


def input_label(folder: str) -> str:
    """The readable name of an input folder inside the bucket: `./data/2024 Q1` is `2024-q1`."""
    return project_name(Path(folder).name or "input")


def run_of_name(name: str) -> str | None:
    """The run a resource's name belongs to: `arun-<run-id>` with or without a suffix; None for other names."""
    match = re.fullmatch(rf"{PREFIX}-(?P<run>[a-z][a-z0-9-]*?-\d{{8}}-\d{{6}}-[0-9a-f]{{4}})(-[a-z]+)?", name)
    return match["run"] if match and is_run_id(match["run"]) else None


def project_of_shared(name: str, region: str) -> str | None:
    """The project whose runs in that region share the role or log group of that name; None for other names. An
    instance profile has its role's name."""
    project = name.removeprefix(LOG_GROUPS)
    if project == name:
        match = re.fullmatch(rf"{PREFIX}-(?P<project>.+)-{re.escape(region)}-(execution|instance)", name)
        project = match["project"] if match else ""
    return project if re.fullmatch(PROJECT_PATTERN, project) and len(project) <= PROJECT_MAX else None


@frozen
class ProjectNames:
    """Shared by all runs of one project in one region. IAM's names are global, so they hold the region: the runs of
    another region are recorded in another bucket and can't be asked."""

    project: str
    region: str

    @property
    def execution_role(self) -> str:
        return f"{PREFIX}-{self.project}-{self.region}-execution"

    @property
    def instance_role(self) -> str:
        return f"{PREFIX}-{self.project}-{self.region}-instance"

    @property
    def log_group(self) -> str:
        return f"{LOG_GROUPS}{self.project}"


@frozen
class RunNames:
    """One run's own resources; every name is known before anything is created, so intent can be recorded first."""

    run_id: str

    @property
    def cluster(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def launch_template(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def group(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def capacity_provider(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def family(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def task_role(self) -> str:
        return f"{PREFIX}-{self.run_id}-task"

    @property
    def execution_role(self) -> str:
        """Only where the run reads secrets; else the project's is used."""
        return f"{PREFIX}-{self.run_id}-exec"

    @property
    def stop_role(self) -> str:
        return f"{PREFIX}-{self.run_id}-stop"

    @property
    def schedule(self) -> str:
        return f"{PREFIX}-{self.run_id}"

    @property
    def client_token(self) -> str:
        return f"{PREFIX}-{self.run_id}"
