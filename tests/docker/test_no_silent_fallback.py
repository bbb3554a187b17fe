"""A project's file that names an image nobody has: the job does not run on the machine instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = "import pathlib, sys\npathlib.Path(sys.argv[sys.argv.index('-o') + 1], 'ran').touch()  # '-i'\n"


@pytest.mark.usefixtures("docker_engine")
def test_local_stays_in_the_container_whatever_image_the_project_names(tmp_path: Path) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    (project / "data").mkdir(parents=True)
    (project / "main.py").write_text(SCRIPT)
    (project / "aws-run.yaml").write_text("command: python main.py\nbuild: {base_image: '127.0.0.1:1/nothing:1'}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-m", "aws_run.cli", "submit", project, "-i", project / "data", "-o", out, "--local"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 125
    assert "127.0.0.1:1/nothing:1 can't be had" in done.stderr
    assert "--runtime process" in done.stderr
    assert not (out / "ran").exists()
