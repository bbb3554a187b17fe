"""Without Docker a job runs on the Python that its project asks for, or a sentence says on which one it does."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from aws_run.local.runtime import process_environment
from aws_run.local.runtime.process_environment import pick_python

OWN = "3.11.7"
THERE = {"3.10": "/usr/bin/python3.10", "3.12.1": "/opt/python3.12.1", "3.12": "/opt/python3.12.1"}

VERSIONS = {sys.executable: OWN, "/usr/bin/python3.10": "3.10.1", "/opt/python3.12.1": "3.12.1"}


@pytest.mark.parametrize(
    ("wanted", "path", "told"),
    [
        (None, sys.executable, ""),
        ("3.11", sys.executable, ""),
        ("3.11.7", sys.executable, ""),
        ("3.1", sys.executable, "would run on Python 3.1; without Docker it runs on this machine's 3.11"),
        ("3.11.4", sys.executable, "would run on Python 3.11.4; without Docker it runs on another 3.11"),
        ("3.10", "/usr/bin/python3.10", ""),
        ("3.12.1", "/opt/python3.12.1", ""),
        ("3.12.9", "/opt/python3.12.1", "would run on Python 3.12.9; without Docker it runs on another 3.12"),
        ("3.8.20", sys.executable, "would run on Python 3.8.20; without Docker it runs on this machine's 3.11"),
    ],
)
def test_the_python_of_a_job_without_docker(wanted: str | None, path: str, told: str) -> None:
    picked = pick_python(wanted, OWN, THERE.get)
    assert picked.path == path
    assert (picked.note or "").endswith(told)
    assert bool(picked.note) is bool(told)
    assert f"{VERSIONS[path]}.".startswith(f"{picked.version}.")


def test_a_plan_takes_an_answer_of_uv_that_is_young_and_a_build_asks_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find(version: str, stop: threading.Event) -> None:
        asked.append(version)

    monkeypatch.setattr(process_environment, "_find_python", find)
    stop = threading.Event()
    for most_age_s, times in ((60.0, 1), (60.0, 1), (0.0, 2), (60.0, 2)):
        picked = process_environment.python_here("2.7", stop, tmp_path, most_age_s=most_age_s)
        assert (picked.path, len(asked)) == (sys.executable, times)
