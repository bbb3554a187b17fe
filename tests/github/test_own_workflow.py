"""This repository's own workflow that uses the action, run as it stands on the double of the runner."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml
from tests.github.runner import ROOT, Runner

WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"


def test_the_job_that_uses_the_action_passes(tmp_path: Path, runner_temp: Path) -> None:
    job = yaml.safe_load(WORKFLOW.read_text())["jobs"]["action"]
    temp = tmp_path / "temp"
    shutil.copytree(runner_temp, temp, symlinks=True)
    runner = Runner(tmp_path, temp=temp, environment={"XDG_STATE_HOME": str(tmp_path / "state")})
    runner.workspace = ROOT
    try:
        done = runner.run_job(job, {"matrix": {"runner": "ubuntu-24.04"}}, skip=("actions/",))
    finally:
        runner.close()
    assert [name for name, step in done.items() if step.exit_code != 0] == [], "".join(
        step.log.text for step in done.values()
    )
    assert done["wordcount"].outputs["status"] == "succeeded"
    assert (temp / "words" / "words.csv").is_file()
    assert len(done) == 5, "the post step is one of them"
