"""`aws-run open`: which page of the console shows a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakes import record

from aws_run.cli.commands.open import _address, _report_here
from aws_run.cli.output_memory import remember_output
from aws_run.naming import bucket_name
from aws_run.report_file import FIRST_LINE

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/arun-demo-20260102-030405-abcd/0123456789abcdef"
RUN = record(task_arn=TASK, output_prefix="runs/demo-20260102-030405-abcd/output/", log_group="/aws-run/demo")
REGION = RUN.region
CONSOLE = f"https://{REGION}.console.aws.amazon.com"


@pytest.mark.parametrize(
    ("what", "address"),
    [
        ("results", f"/s3/buckets/{bucket_name(RUN.account, REGION)}?region={REGION}&prefix={RUN.output_prefix}"),
        (
            "report",
            f"/s3/object/{bucket_name(RUN.account, REGION)}?region={REGION}&prefix=runs/{RUN.run_id}/report.html",
        ),
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


def test_a_report_on_this_machine_is_opened_from_its_disk_unless_it_is_another_run_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert _report_here(RUN.run_id) is None
    remember_output(RUN.run_id, tmp_path / "out")
    assert _report_here(RUN.run_id) is None
    file = tmp_path / "out.report.html"
    file.write_text(f"{FIRST_LINE}\n<title>{RUN.run_id}</title>")
    assert _report_here(RUN.run_id) == file.as_uri()
    file.write_text(f"{FIRST_LINE}\n<title>demo-20260102-030405-ffff</title>")
    assert _report_here(RUN.run_id) is None
