"""What `--json` prints for programs: keys that say what their values are, and that scripts may rely on."""

from __future__ import annotations

import json

from aws_run.cli import removal
from aws_run.cli.commands import check, gc
from aws_run.infra.remove import Removal
from aws_run.infra.resources import Kind, Ref
from aws_run.lifecycle.end.leftovers import Leftover
from aws_run.lifecycle.end.shared_leftovers import SharedLeftover
from aws_run.usecases.check import Finding

GROUP = Ref(kind=Kind("group"), name="arun-demo", scope="run")


def test_gc_says_of_each_run_whether_it_is_removable_why_and_what_it_has() -> None:
    leftover = Leftover(run_id="demo", refs=(GROUP,), removable=True, why="past its deadline")
    shared = SharedLeftover(project="demo", refs=(), removable=False, why="a run of it goes on")
    assert gc.as_data([leftover], [shared], [Removal(ref=GROUP), Removal(ref=GROUP, error="AccessDenied")]) == {
        "runs": [
            {
                "run_id": "demo",
                "removable": True,
                "reason": "past its deadline",
                "resources": [{"kind": "group", "name": "arun-demo", "scope": "run"}],
            }
        ],
        "shared": [{"project": "demo", "removable": False, "reason": "a run of it goes on", "resources": []}],
        "removed": [{"kind": "group", "name": "arun-demo"}],
        "failed": [{"kind": "group", "name": "arun-demo", "error": "AccessDenied"}],
        "kept": [],
    }


def test_check_is_flat_so_that_a_script_can_ask_for_a_state() -> None:
    assert check.as_data(Finding(what="docker", state="failed", text="no engine answers", todo="start it")) == {
        "check": "docker",
        "state": "failed",
        "message": "no engine answers",
        "hint": "start it",
    }


def test_removals_are_json() -> None:
    assert json.loads(json.dumps(removal.data([Removal(ref=GROUP)], [GROUP])))["kept"] == [
        {"kind": "group", "name": "arun-demo"}
    ]
