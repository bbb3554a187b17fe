"""The disk that AWS is asked for, from an input that is large on paper: a sparse file has a size and takes no room."""

from __future__ import annotations

from typing import Any

import pytest
from tests.crash.story import Begin, Story

from aws_run.errors import UsageError
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.lifecycle.start.preflight import plan_run, run_preflight
from aws_run.usecases.plan import plan

GIB = 1 << 30


def large(story: Story, gib: int) -> None:
    with (story.home / "data/large.bin").open("wb") as file:
        file.truncate(gib * GIB)


def volume_gib(story: Story, **flags: Any) -> int:
    """Of the launch template, or of the task on Fargate (0: AWS's own 20)."""
    found, backend = run_preflight(story.config(**flags), story.context)
    decided = plan_run(found, backend, story.context)
    templates = [resource for resource in decided.own if isinstance(resource, LaunchTemplate)]
    if templates:
        return templates[0].disk_gib
    definition = backend.definition(decided.spec, "image")
    assert isinstance(definition, TaskDefinition)
    request = definition.request
    return int(request.get("ephemeralStorage", {}).get("sizeInGiB", 0))


def disk_notes(story: Story) -> list[str]:
    return [note for note in plan(story.config(backend="ec2"), story.context).notes if note.startswith("disk:")]


def test_the_input_sizes_the_volume_of_either_backend_and_the_plan_says_so(begin: Begin) -> None:
    story = begin()
    assert volume_gib(story, backend="ec2") == 40
    assert volume_gib(story, backend="fargate") == 0
    assert volume_gib(story, backend="fargate", output_size="40GB") == 60
    assert disk_notes(story) == []
    large(story, 60)
    assert volume_gib(story, backend="ec2") == 160
    assert volume_gib(story, backend="fargate") == 150
    assert volume_gib(story, backend="fargate", disk="200GB") == 200
    (note,) = disk_notes(story)
    assert note.startswith("disk: 160 GB for 8 GB system, 12 GB assumed for the image, 60 GB input")


def test_what_is_too_large_for_fargate_goes_to_ec2_by_itself_unless_fargate_was_asked_for(begin: Begin) -> None:
    story = begin()
    large(story, 150)
    assert run_preflight(story.config(), story.context)[1].name == "ec2"
    assert volume_gib(story) == 360
    with pytest.raises(UsageError, match="fargate has at most 200 GB"):
        run_preflight(story.config(backend="fargate"), story.context)


def test_a_tight_disk_is_warned_of_and_an_impossible_one_refused_before_anything_is_made(begin: Begin) -> None:
    story = begin()
    large(story, 60)
    plan(story.config(backend="ec2", disk="100GB"), story.context)
    assert any("a disk of 100 GB may be too small" in text for text in story.notices())
    with pytest.raises(UsageError, match="can't fit on a disk of 50 GB"):
        story.submit(backend="ec2", disk="50GB")
    assert story.account.left() == {}


def test_an_image_that_is_in_ecr_is_counted_by_its_size_there(begin: Begin) -> None:
    story = begin()
    image = {"imageDigest": f"sha256:{'0' * 64}", "imageSizeInBytes": 20 * GIB}
    story.on_call("ecr:DescribeImages", lambda seen, call: call.reply({"imageDetails": [image]}))
    assert volume_gib(story, backend="ec2") == 100  # 8 + 4 x 20 + 0 + 2, a tenth more


def test_shared_memory_is_the_jobs_memory_on_ec2_and_told_on_fargate(begin: Begin) -> None:
    story = begin()
    found, backend = run_preflight(story.config(backend="ec2"), story.context)
    decided = plan_run(found, backend, story.context)
    definition = backend.definition(decided.spec, "image")
    assert isinstance(definition, TaskDefinition)
    (job,) = definition.request["containerDefinitions"]
    assert job["linuxParameters"] == {"sharedMemorySize": job["memory"]}

    script = story.config().project_dir / "main.py"
    script.write_text(script.read_text() + "\n# DataLoader(data, num_workers=4)\n")
    (note,) = [note for note in plan(story.config(backend="fargate"), story.context).notes if "/dev/shm" in note]
    assert note.startswith("main.py shares memory between processes, for which Fargate has 64 MB")
    assert not [note for note in plan(story.config(backend="ec2"), story.context).notes if "/dev/shm" in note]
