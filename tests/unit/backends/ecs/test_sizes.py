"""What ECS takes in one request is checked before anything is made."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.unit.fakes import START, FakeAws, FakeClock, fargate_backend, job, spec

from aws_run import contract
from aws_run.backends.ecs.sizes import DEFINITION_BYTES, OVERRIDES_CHARACTERS
from aws_run.backends.executor import TaskRequest
from aws_run.data import InputSnapshot
from aws_run.errors import UsageError


def snapshots(count: int) -> tuple[InputSnapshot, ...]:
    return tuple(
        InputSnapshot(
            snapshot_key=f"inputs/demo/part-{number:03}.snapshot.json",
            version_id="0" * 32,
            label=f"part-{number:03}",
            into=f"part-{number:03}",
            files=1,
            bytes=1,
            sent_files=0,
            sent_bytes=0,
            deleted_files=0,
            unchanged=True,
        )
        for number in range(count)
    )


def test_a_long_command_is_carried_in_the_definition() -> None:
    backend = fargate_backend(FakeAws(), FakeClock())
    command = ("python", "main.py", "x" * 40_000)
    spec_ = spec(command=command)
    (container,) = backend.definition(spec_, "image").request["containerDefinitions"]  # type: ignore[attr-defined]
    environment = {one["name"]: one["value"] for one in container["environment"]}
    assert json.loads(environment[contract.COMMAND]) == list(command)
    request = TaskRequest(spec=spec_, definition="d", inputs=snapshots(1), deadline=START + timedelta(hours=1))
    backend.executor.refuse_too_large(request)


@pytest.mark.parametrize("changes", [{"command": ("x" * 65_000,)}, {"job": job(env={"LONG": "x" * 65_000})}])
def test_what_no_definition_holds_is_refused_with_its_size(changes: dict[str, object]) -> None:
    backend = fargate_backend(FakeAws(), FakeClock())
    with pytest.raises(UsageError, match=rf"ECS takes {DEFINITION_BYTES:,}") as refused:
        backend.definition(spec(**changes), "")
    assert "file" in str(refused.value.hint)


def test_more_inputs_than_run_task_can_name_are_refused() -> None:
    backend = fargate_backend(FakeAws(), FakeClock())
    few, many = (
        TaskRequest(spec=spec(), definition="d", inputs=snapshots(count), deadline=START + timedelta(hours=1))
        for count in (30, 80)
    )
    backend.executor.refuse_too_large(few)
    with pytest.raises(UsageError, match=rf"80 inputs are too many .* ECS takes {OVERRIDES_CHARACTERS:,}"):
        backend.executor.refuse_too_large(many)
