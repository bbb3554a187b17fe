"""Every name is within AWS's limits for every project and region, and a run is found again in the names it gave."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.strategies import MOMENTS, PROJECTS, SALTS

from aws_run import naming
from aws_run.naming import ProjectNames, RunNames
from aws_run.runs.keys import RunKeys

REGIONS = ["us-east-1", "ap-southeast-1", "ap-northeast-3", "us-gov-west-1", "us-isof-south-1"]
LONGEST = "a" * 32

# (limit, pattern) as AWS's documents give them.
LIMITS = {
    "cluster": (255, r"[A-Za-z0-9_-]+"),
    "launch_template": (128, r"[a-zA-Z0-9().\-/_]{3,}"),
    "group": (255, r"[^\x00-\x1f:]+"),
    "capacity_provider": (255, r"(?!aws|ecs|fargate)[A-Za-z0-9_-]+"),
    "family": (255, r"[A-Za-z0-9_-]+"),
    "task_role": (64, r"[\w+=,.@-]+"),
    "execution_role": (64, r"[\w+=,.@-]+"),
    "client_token": (64, r"[\x21-\x7e]+"),
}


@given(project=PROJECTS, moment=MOMENTS, salt=SALTS)
@example(project=LONGEST, moment=datetime(2026, 1, 1, tzinfo=timezone.utc), salt="ffff")
@example(project="a-20260101-000000-abcd", moment=datetime(2026, 1, 1, tzinfo=timezone.utc), salt="0000")
def test_every_name_of_a_run_is_within_its_limit_and_leads_back_to_the_run(
    project: str, moment: datetime, salt: str
) -> None:
    run = naming.new_run_id(project, moment, salt)
    assert naming.is_run_id(run)
    assert naming.project_of_run(run) == project
    for kind, (limit, pattern) in LIMITS.items():
        name = getattr(RunNames(run_id=run), kind)
        assert len(name) <= limit, kind
        assert re.fullmatch(pattern, name), kind
        assert name.startswith("arun-")
        assert naming.run_of_name(name) == run, kind


@given(project=PROJECTS, region=st.sampled_from(REGIONS))
@example(project=LONGEST, region="us-isof-south-1")
@example(project="a-20260101-000000-abcd", region="us-east-1")
def test_a_projects_shared_names_are_within_their_limits_and_belong_to_no_run(project: str, region: str) -> None:
    names = ProjectNames(project=project, region=region)
    for role in (names.execution_role, names.instance_role):
        assert len(role) <= 64
        assert re.fullmatch(r"[\w+=,.@-]+", role)
        assert naming.run_of_name(role) is None
    assert re.fullmatch(r"(?!aws/)[.\-_/#A-Za-z0-9]{1,512}", names.log_group)
    assert re.fullmatch(
        r"([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*", repository := naming.repository_name(project)
    )
    assert 2 <= len(repository) <= 256


@pytest.mark.parametrize("region", REGIONS)
def test_the_buckets_name_is_one_of_the_accounts_own_namespace(region: str) -> None:
    name = naming.bucket_name("123456789012", region)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)
    assert name.endswith(f"-123456789012-{region}-an")


@given(text=st.text(max_size=80))
@example(text="")
@example(text="2024 Q1")
@example(text="é" * 50)
@example(text="1-" * 40)
@example(text="-" * 10 + "x")
def test_any_text_gives_a_valid_project_name_that_stays_as_it_is(text: str) -> None:
    name = naming.project_name(text)
    assert re.fullmatch(naming.PROJECT_PATTERN, name)
    assert len(name) <= naming.PROJECT_MAX
    assert naming.project_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Project", "my-project"),
        ("forêt_noire", "foret-noire"),
        ("3d", "p-3d"),
        ("数据", "project"),
        ("a--b", "a-b"),
    ],
)
def test_a_folders_name_stays_readable_as_a_projects(text: str, name: str) -> None:
    assert naming.project_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo",
        "demo-20260102-030405",
        "demo-20260102-030405-xyz1",
        "Demo-20260102-030405-abcd",
        "demo-20260102-030405-abcd\n",
        "../x-20260102-030405-abcd",
        f"{'a' * 33}-20260102-030405-abcd",
    ],
)
def test_what_is_no_run_id_is_refused(text: str) -> None:
    assert not naming.is_run_id(text)
    assert naming.run_of_name(f"arun-{text}") is None
    with pytest.raises(ValueError, match="is not a run id"):
        naming.project_of_run(text)


def test_another_tools_name_belongs_to_no_run() -> None:
    assert naming.run_of_name("terraform-demo-20260102-030405-abcd") is None
    assert naming.run_of_name("xarun-demo-20260102-030405-abcd") is None


def test_a_runs_objects_lie_under_its_own_prefix() -> None:
    keys = RunKeys(run_id="demo-20260102-030405-abcd")
    assert keys.task(7).prefix == f"{keys.prefix}tasks/7/"
    assert {keys.task(7).output, keys.task(7).result, keys.task(7).log} == {
        f"{keys.prefix}tasks/7/{name}" for name in ("output/", "result.json", "log.txt")
    }
    assert {keys.record, keys.output, keys.result, keys.log} == {
        f"runs/demo-20260102-030405-abcd/{name}" for name in ("run.json", "output/", "result.json", "log.txt")
    }


@pytest.mark.parametrize(("folder", "label"), [("./data/2024 Q1", "p-2024-q1"), ("/", "input"), ("/x/data", "data")])
def test_an_input_folder_gets_a_readable_label(folder: str, label: str) -> None:
    assert naming.input_label(folder) == label


@given(project=PROJECTS)
def test_what_projects_share_is_told_by_its_name_and_region(project: str) -> None:
    names = naming.ProjectNames(project=project, region="us-east-1")
    for name in (names.execution_role, names.instance_role, names.log_group):
        assert naming.project_of_shared(name, "us-east-1") == project
    assert naming.project_of_shared(names.execution_role, "eu-west-1") is None
    own = naming.RunNames(run_id=f"{project}-20260102-030405-abcd")
    for name in (own.execution_role, own.task_role, own.stop_role, own.cluster):
        assert naming.project_of_shared(name, "us-east-1") is None


@pytest.mark.parametrize("name", ["/aws-run/", "/aws-run/A b", "/ecs/demo", "arun--us-east-1-execution", "execution"])
def test_what_is_not_named_by_us_is_no_projects(name: str) -> None:
    assert naming.project_of_shared(name, "us-east-1") is None
