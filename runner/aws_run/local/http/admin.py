"""The world's own controls under /_aws-run/: status, bill, clock, what is left."""

from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import parse_qsl

from aws_run.local.http.endpoint import as_json
from aws_run.local.http.protocol import Reply
from aws_run.local.sim.billing import bill
from aws_run.local.sim.instance_guard import spot_notice
from aws_run.local.sim.state import AccountState
from aws_run.local.testing.faults import Fault, Kill
from aws_run.local.testing.inventory import left
from aws_run.local.testing.launch_failures import Shortages


def page(world: AccountState, target: str, method: str, body: bytes) -> Reply:
    """Answers /_aws-run/<target>."""
    path, _, query_text = target.partition("?")
    parts = path.strip("/").split("/")
    query = dict(parse_qsl(query_text))
    match parts:
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
                world.shortages = Shortages(tuple(_json(body).get("rules") or ()))
            return as_json({"rules": world.shortages.texts()})
        case ["quotas"] if method == "POST":
            world.quotas.update({str(k): float(v) for k, v in _json(body).items()})
            return as_json(world.quotas)
        case ["cost-explorer"] if method == "POST":
            wanted = _json(body)
            world.cost_by_resource = bool(wanted.get("by_resource", world.cost_by_resource))
            world.data_exports = [str(name) for name in wanted.get("exports", world.data_exports)]
            return as_json({"by_resource": world.cost_by_resource, "exports": world.data_exports})
        case ["spot-interrupt"] if method == "POST":
            request = _json(body)
            return as_json(
                {"interrupted": _interrupt(world, str(request.get("instance", "")), float(request.get("after_s", 120)))}
            )
        case ["faults"] if method == "POST":
            world.faults.scripted.append(Fault(**_json(body)))
            return as_json({"faults": len(world.faults.scripted)})
        case ["faults"] if method == "DELETE":
            world.faults.scripted.clear()
            return as_json({"faults": 0})
        case ["session", session_id] if method == "POST":
            return _session(world, session_id, _json(body))
        case ["stop"] if method == "POST" and world.end is not None:
            world.end()
            return as_json({})
        case ["kill"] if method == "POST" and world.options.may_kill:
            world.faults.kill_at(Kill(**_json(body)))
            return as_json({})
        case ["calls"] if method == "DELETE":
            world.faults.kill_at(None)
            world.calls.clear()
            return as_json({"calls": 0})
        case ["calls"]:
            return as_json({"calls": world.faults.calls, "log": list(world.calls)})
    return as_json({"error": f"no page {path}"}, status=404)


def _interrupt(world: AccountState, instance_id: str, after_s: float) -> list[str]:
    """Announces the end of one spot instance, or of all of them; it comes after `after_s`."""
    done = []
    with world.lock:
        for place in world.places():
            for instance in list(place.instances.values()):
                if instance.spot and instance.terminated_at is None and instance_id in ("", instance.id):
                    spot_notice(world, place, instance, after_s)
                    done.append(instance.id)
    return done


def _session(world: AccountState, session_id: str, request: dict[str, Any]) -> Reply:
    """What the program that takes up a session of ECS Exec has to start; each one once."""
    with world.lock:
        session = world.sessions.pop(session_id, None)
    if session is None or not hmac.compare_digest(session.token.encode(), str(request.get("token")).encode()):
        return as_json({"error": "there is no such session"})
    return as_json(dict(session.begin(bool(request.get("terminal")))))


def _status(world: AccountState) -> dict[str, Any]:
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
