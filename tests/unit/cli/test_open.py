"""`aws-run open`: which page of the console shows a run."""

from __future__ import annotations

import pytest
from tests.unit.fakes import record

from aws_run.cli.commands.open import _address
from aws_run.naming import bucket_name

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/arun-demo-20260102-030405-abcd/0123456789abcdef"
RUN = record(task_arn=TASK, output_prefix="runs/demo-20260102-030405-abcd/output/", log_group="/aws-run/demo")
REGION = RUN.region
CONSOLE = f"https://{REGION}.console.aws.amazon.com"


@pytest.mark.parametrize(
    ("what", "address"),
    [
        ("results", f"/s3/buckets/{bucket_name(RUN.account, REGION)}?region={REGION}&prefix={RUN.output_prefix}"),
        ("task", f"/ecs/v2/clusters/{RUN.cluster}/tasks/0123456789abcdef/configuration?region={REGION}"),
        (
            "log",
            f"/cloudwatch/home?region={REGION}#logsV2:log-groups/log-group/$252Faws-run$252Fdemo"
            f"$3FlogStreamNameFilter$3D{RUN.run_id}",
        ),
    ],
)
def test_each_part_of_a_run_has_its_page(what: str, address: str) -> None:
    assert _address(RUN, what) == CONSOLE + address
