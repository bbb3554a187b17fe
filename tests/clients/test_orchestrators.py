"""Orchestrators that run their users' tasks on ECS, against the embedded AWS: Dask, Dagster, Prefect and Airflow, each in an
environment of its own, since none of them fits the others."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud
from tests.local.support import process_image, role, subnet, task_definition

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.nightly  # their installations are a few hundred megabytes
Run = Callable[..., str]

DASK = """
import logging, sys, warnings
warnings.simplefilter("ignore")
from dask.distributed import Client
from dask_cloudprovider.aws import FargateCluster

with FargateCluster(image=sys.argv[1], n_workers=2, worker_cpu=256, worker_mem=512, scheduler_cpu=256, scheduler_mem=512,
                    region_name="us-east-1", scheduler_timeout="2 minutes",
                    environment={"PYTHONWARNINGS": "ignore"}) as cluster:
    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=120)
        squares = client.map(lambda number: number ** 2, range(100))
        print("workers", len(client.scheduler_info()["workers"]), "sum", client.submit(sum, squares).result(timeout=60))
"""
DAGSTER = """
import sys, boto3
from dagster import asset, materialize, AssetExecutionContext
from dagster_aws.pipes import PipesECSClient

definition, subnet = sys.argv[1:]

@asset
def ours(context: AssetExecutionContext, ecs: PipesECSClient):
    return ecs.run(
        context=context,
        run_task_params={
            "taskDefinition": definition, "cluster": "demo", "count": 1, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": "ENABLED"}},
        },
    ).get_materialize_result()

done = materialize([ours], resources={"ecs": PipesECSClient(client=boto3.client("ecs"))})
print("success", done.success)
"""
AIRFLOW = """
import sys
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator

definition, subnet = sys.argv[1:]
operator = EcsRunTaskOperator(
    task_id="ours", aws_conn_id=None, region_name="us-east-1", cluster="demo", task_definition=definition,
    launch_type="FARGATE", overrides={"containerOverrides": []}, deferrable=False, waiter_delay=1,
    network_configuration={"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": "ENABLED"}},
    awslogs_group="/aws-run/demo", awslogs_region="us-east-1", awslogs_stream_prefix="run/job", do_xcom_push=True,
)
class TaskInstance:
    def xcom_push(self, **pushed):
        pass

print("last line:", operator.execute({"ti": TaskInstance()}))
"""
# Its worker alone: Prefect's server, whose address leads nowhere, is not asked for a flow run made here.
PREFECT = """
import asyncio, os, sys, uuid, warnings
warnings.simplefilter("ignore")
os.environ |= {"PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_LOGGING_TO_API_ENABLED": "false"}
from prefect.client.schemas.objects import FlowRun
from prefect_aws.workers.ecs_worker import ECSJobConfiguration, ECSWorker

image, execution, vpc, market = sys.argv[1:]
ours = {
    "image": image, "command": "python main.py", "execution_role_arn": execution, "vpc_id": vpc, "cluster": "demo",
    "cpu": 256, "memory": 512, "launch_type": market, "family": "prefect", "configure_cloudwatch_logs": True,
    "cloudwatch_logs_options": {"awslogs-group": "/aws-run/demo", "awslogs-stream-prefix": "run"},
}

async def main():
    flow_run = FlowRun(flow_id=uuid.uuid4(), name="ours")
    template = ECSWorker.get_default_base_job_template()
    configuration = await ECSJobConfiguration.from_template_and_values(base_job_template=template, values=ours)
    configuration.prepare_for_flow_run(flow_run)
    done = await ECSWorker(work_pool_name="ours").run(flow_run, configuration)
    print(done.identifier)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    session = boto3.Session(region_name="us-east-1")
    with cloud(tmp_path_factory.mktemp("home"), session) as running:
        running.client("ecs").create_cluster(clusterName="demo", capacityProviders=["FARGATE", "FARGATE_SPOT"])
        yield running


@pytest.fixture
def run(aws: Cloud, tmp_path: Path) -> Run:
    """`run("dask", SCRIPT, …)`: a Python script in that orchestrator's environment; its stdout. What it fails with is the
    test's own failure."""

    def script(name: str, text: str, *arguments: str) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))}
        done = subprocess.run(
            [str(environment(name) / "python"), "-c", text, *arguments], capture_output=True, text=True, check=False,
            cwd=tmp_path, timeout=600, env={**kept, "HOME": str(tmp_path), **aws.local.environment()},
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[:6000]}\n…\n{done.stderr[-4000:]}"
        return done.stdout

    return script


def environment(name: str) -> Path:
    """The folder of its programs, installed where they are not; a failure where that can't be."""
    done = subprocess.run(
        [str(ROOT / "tools/clients-venv"), name], capture_output=True, text=True, check=False, cwd=ROOT, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.strip()


def foreign(aws: Cloud, image: str, programs: Path | None = None) -> str:
    """The image as somebody else would have made it: without aws-run's ENTRYPOINT, and with these programs on its PATH."""
    place = Path(aws.local.state_dir) / "images" / image.rpartition(":")[2] / "image.json"
    facts = json.loads(place.read_text())
    place.write_text(json.dumps({**facts, "entrypoint": [], **({"venv": str(programs.parent)} if programs else {})}))
    return image


def image_of(aws: Cloud, folder: Path, text: str) -> str:
    return process_image(aws.local, aws.client, folder, {"main.py": text})


def execution_role(aws: Cloud) -> str:
    roles = {one["RoleName"]: one["Arn"] for one in aws.client("iam").list_roles()["Roles"]}
    return roles.get("execution") or role(aws.client, "execution")


@pytest.fixture
def definition(aws: Cloud, tmp_path: Path) -> str:
    image = image_of(aws, tmp_path / "image", "print('hello from a task')\n")
    return task_definition(
        aws.client, image, ["python", "main.py"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
        memory="512", executionRoleArn=execution_role(aws),
    )  # fmt: skip


def ended(aws: Cloud) -> list[int]:
    """Exit codes of all tasks that have stopped."""
    ecs = aws.client("ecs")
    arns = ecs.list_tasks(cluster="demo", desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster="demo", tasks=arns)["tasks"] if arns else []
    return [container.get("exitCode", -1) for task in tasks for container in task["containers"]]


def test_dask_computes_on_two_workers_on_fargate(aws: Cloud, run: Run, tmp_path: Path) -> None:
    image = foreign(aws, image_of(aws, tmp_path / "image", "dask = True\n"), environment("dask"))
    assert "workers 2 sum 328350" in run("dask", DASK, image)


def test_dagsters_client_runs_a_task(aws: Cloud, run: Run, definition: str) -> None:
    before = len(ended(aws))
    assert "success True" in run("dagster", DAGSTER, definition, subnet(aws.client))
    assert ended(aws)[before:] == [0]


@pytest.mark.parametrize("market", ["FARGATE", "FARGATE_SPOT"])
def test_prefects_worker_registers_and_runs_a_task(
    aws: Cloud, run: Run, definition: str, tmp_path: Path, market: str
) -> None:
    """`definition` is here for its log group alone: the worker registers one of its own."""
    image = foreign(aws, image_of(aws, tmp_path / "prefect", f"print('hello from {market}')\n"))
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    said = run("prefect", PREFECT, image, execution_role(aws), vpc, market)
    cluster, _, task = said.strip().splitlines()[-1].rpartition("::")
    assert cluster == "demo"
    ecs = aws.client("ecs")
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[task], WaiterConfig={"Delay": 1})
    (shown,) = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
    assert shown["containers"][0]["exitCode"] == 0
    assert shown["taskDefinitionArn"] != definition


def test_airflows_operator_runs_a_task_and_reads_its_log(aws: Cloud, run: Run, definition: str) -> None:
    assert "last line: hello from a task" in run("airflow", AIRFLOW, definition, subnet(aws.client))
