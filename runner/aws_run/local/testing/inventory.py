"""Every resource of ours that exists, by kind. Tests read it to show that nothing is left."""

from __future__ import annotations

from typing import Any

from aws_run.local.sim.state import AccountState
from aws_run.naming import IAM_PATH, PREFIX


def left(world: AccountState) -> dict[str, list[str]]:
    """Names that begin with our prefix, and everything a group of ours launched that still lives."""
    resources: dict[str, list[str]] = {}

    def add(kind: str, names: Any) -> None:
        rows = sorted(str(n) for n in names)
        if rows:
            resources[kind] = sorted({*resources.get(kind, []), *rows})

    with world.lock:
        iam = world.moto("iam", world.partition)
        add("bucket", _ours(world.moto("s3", world.partition).buckets))
        add(
            "role",
            (r.name for r in list(iam.roles.values()) if r.path.startswith(IAM_PATH) or r.name.startswith(PREFIX)),
        )
        add(
            "instance-profile",
            (p.name for p in list(iam.instance_profiles.values()) if p.name.startswith(PREFIX)),
        )
        for region in {world.options.region, *(p.region for p in world.places())}:
            place = world.place(region)
            ecs = world.moto("ecs", region)
            add("cluster", _ours(c.name for c in ecs.clusters.values() if c.status != "INACTIVE"))
            add(
                "task-definition",
                (
                    f"{f}:{n}"
                    for f, rs in ecs.task_definitions.items()
                    for n, d in rs.items()
                    if d.status == "ACTIVE" and f.startswith(PREFIX)
                ),
            )
            add("capacity-provider", _ours(n for n, p in place.providers.items() if p.status != "INACTIVE"))
            add("group", _ours(place.groups))
            add("instance", (i.id for i in place.instances.values() if i.terminated_at is None))
            add("volume", (v.id for v in list(world.moto("ec2", region).volumes.values()) if v.get_tags()))
            add("task", (t.id for t in place.tasks.values() if t.status != "STOPPED"))
            add("container-instance", (c.id for c in place.container_instances.values()))
            add("launch-template", _ours(world.moto("ec2", region).launch_template_name_to_ids))
            add("log-group", (g for g in world.moto("logs", region).groups if g.startswith("/aws-run/")))
            add("repository", _ours(world.moto("ecr", region).repositories))
            add(
                "schedule",
                (
                    s
                    for g in list(world.moto("scheduler", region).schedule_groups.values())
                    for s in g.schedules
                    if s.startswith(PREFIX)
                ),
            )
    return resources


def _ours(names: Any) -> list[str]:
    return [str(n) for n in names if str(n).startswith(PREFIX)]
