"""The world's own controls under /_aws-run/: status, bill, clock, what is left."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from aws_run.local.bill import bill
from aws_run.local.endpoint import as_json, metadata, task_credentials
from aws_run.local.inventory import left
from aws_run.local.wire import Reply
from aws_run.local.world import World


def page(world: World, target: str, method: str, body: bytes) -> Reply:
    """Answers /_aws-run/<target>."""
    path, _, query_text = target.partition("?")
    parts = path.strip("/").split("/")
    query = dict(parse_qsl(query_text))
    match parts:
        case ["credentials", identity]:
            return task_credentials(world, identity)
        case ["metadata", task_id, container, *rest]:
            return metadata(world, task_id, container, "/".join(rest))
        case ["status"]:
            return as_json(_status(world))
        case ["bill"]:
            return as_json({"lines": [line.as_json() for line in bill(world)], "now": world.clock.now().isoformat()})
        case ["left"]:
            return as_json({"resources": left(world)})
        case ["clock"] if method == "POST":
            seconds = float(_json(body).get("advance_s", query.get("advance_s", 0)))
            world.clock.advance(seconds)
            return as_json({"now": world.clock.now().isoformat()})
        case ["clock"]:
            return as_json({"now": world.clock.now().isoformat()})
        case ["no-capacity"] if method == "POST":
            with world.lock:
                world.no_capacity = set(_json(body).get("types") or [])
            return as_json({"types": sorted(world.no_capacity)})
        case ["spot-interrupt"] if method == "POST":
            return as_json({"interrupted": _interrupt(world, str(_json(body).get("instance", "")))})
    return as_json({"error": f"no page {path}"}, status=404)


def _interrupt(world: World, instance_id: str) -> list[str]:
    """Reclaims one spot instance, or all of them."""
    done = []
    with world.lock:
        for place in world.places():
            for instance in list(place.instances.values()):
                if instance.spot and instance.terminated_at is None and instance_id in ("", instance.id):
                    world.interrupt(place, instance)
                    done.append(instance.id)
    return done


def _status(world: World) -> dict[str, Any]:
    with world.lock:
        places = world.places()
        return {
            "now": world.clock.now().isoformat(),
            "account": world.account,
            "region": world.options.region,
            "instances": sum(i.terminated_at is None for p in places for i in p.instances.values()),
            "tasks": sum(t.status != "STOPPED" for p in places for t in p.tasks.values()),
            "errors": world.errors[-20:],
        }


def _json(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body)) if body else {}
