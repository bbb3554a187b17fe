"""The main job in real containers: build, push to a registry, pull by digest, run, on both backends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.local.support import page

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BACKENDS = {"ec2-spot": ["--backend", "ec2", "--spot"], "fargate": ["--backend", "fargate"]}
OUTPUTS = {
    "forest": {"predictions.csv", "importance.png"},
    "dockerfile": {"summary.csv"},
    "wordcount": {"words.csv"},
}


FAILING_SCRIPT = """
import argparse, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
options = parser.parse_args()
(options.o / "half.txt").write_text("half of it")
print("half of it is done")
sys.exit(7)
"""


def submit(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, env=environment, timeout=300
    )


def command(*arguments: object) -> list[str]:
    return ["aws-run", "submit", *map(str, arguments)]


def left_in(environment: dict[str, str]) -> dict[str, list[str]]:
    """Names by kind of what still exists in the embedded AWS, as it lists it itself."""
    found: dict[str, list[str]] = page(environment, "left")["resources"]
    return found


def assert_only_kept_is_left(environment: dict[str, str]) -> None:
    """Bucket, repository, and what the project's runs share; nothing of a run."""
    left = left_in(environment)
    assert set(left) - {"role", "instance-profile", "log-group"} == {"bucket", "repository"}
    assert not [name for names in left.values() for name in names if re.search(r"-\d{8}-\d{6}-[0-9a-f]{4}", name)]


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an example, so that nothing is written into this checkout."""
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("project", OUTPUTS, indirect=True)
def test_an_example_brings_its_results_back_and_leaves_only_what_is_kept(
    project: Path, backend: str, embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = submit(embedded_aws, project, "-i", project / "data", "-o", out, "--json", *BACKENDS[backend])
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    bill = [line for line in page(embedded_aws, "bill")["lines"] if line["run"] == outcome["run_id"]]
    if backend == "fargate":  # a spot price moves between its reading and the launch
        assert outcome["receipt"]["total_usd"] == pytest.approx(sum(line["usd"] for line in bill), rel=0.01)
    assert bill
    assert {path.name for path in out.rglob("*") if path.is_file()} >= OUTPUTS[project.name]
    assert_only_kept_is_left(embedded_aws)


def test_a_job_that_exits_7_makes_submit_exit_7_with_its_output_saved_and_nothing_left(
    embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    project, data, out = tmp_path / "half", tmp_path / "data", tmp_path / "out"
    project.mkdir()
    data.mkdir()
    (project / "main.py").write_text(FAILING_SCRIPT)
    done = submit(embedded_aws, project, "-i", data, "-o", out, "--backend", "ec2")
    assert done.returncode == 7, done.stderr
    assert (out / "half.txt").read_text() == "half of it"
    assert "half of it is done" in done.stdout
    assert_only_kept_is_left(embedded_aws)


@pytest.mark.parametrize("project", ["wordcount"], indirect=True)
def test_two_submits_of_one_project_at_once_both_end_well_and_leave_nothing(
    project: Path, embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    outs = [tmp_path / "first", tmp_path / "second"]
    started = [
        subprocess.Popen(
            command(project, "-i", project / "data", "-o", out, "--backend", "ec2"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=embedded_aws,
        )
        for out in outs
    ]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(errors)
    first, second = ((out / "words.csv").read_bytes() for out in outs)
    assert first == second
    assert_only_kept_is_left(embedded_aws)
