"""One call of a caller, as IAM judges it: the actions that it needs, and a reader of its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.http.protocol import Call
from aws_run.local.sim.state import AccountState


@frozen
class NeededRight:
    """`resource`: an ARN, or `*` where the action knows no resource. `context`: condition keys, in lower case."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


class RequestReader:
    """One call's parameters, with the ARNs of what they name."""

    def __init__(self, world: AccountState, call: Call) -> None:
        self.world = world
        self.call = call
        self.p: Mapping[str, Any] = call.params() if call.operation else json.loads(call.body or b"{}")

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        return self.world.arn(service, self.call.region if regional else "", resource)

    def ecs(self, kind: str, name: object) -> str:
        """`name`: a name or an ARN."""
        text = str(name or "default")
        return text if text.startswith("arn:") else self.arn("ecs", f"{kind}/{text}")

    def role(self, name: object) -> str:
        """IAM knows no path of a role that is not there."""
        there = next(
            (r for r in list(self.world.moto("iam", self.world.partition).roles.values()) if r.name == name), None
        )
        return str(there.arn) if there is not None else self.arn("iam", f"role/{name}", regional=False)

    def profile(self, name: object) -> str:
        profiles = list(self.world.moto("iam", self.world.partition).instance_profiles.values())
        there = next((each for each in profiles if each.name == name), None)
        return str(there.arn) if there is not None else self.arn("iam", f"instance-profile/{name}", regional=False)

    def tags(self) -> dict[str, str]:
        """Those that the call gives, as `aws:RequestTag/…`."""
        given: Any = self.p.get("tags") or self.p.get("Tags") or ()
        if isinstance(given, Mapping):
            return request_tags(given.items())
        return request_tags((t.get("key") or t.get("Key"), t.get("value") or t.get("Value") or "") for t in given)


def request_tags(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    return {f"aws:requesttag/{str(key).lower()}": str(value) for key, value in pairs}


RightsReader = Callable[[RequestReader], "list[NeededRight]"]


def right_on(resource: Callable[[RequestReader], str]) -> RightsReader:
    """The operation's own action on one resource."""
    return lambda r: [NeededRight(action="", resource=resource(r))]


def rights_to_create(resource: Callable[[RequestReader], str], tagging: str) -> RightsReader:
    """The same; tags given with it ask for `tagging` as well."""

    def read(r: RequestReader) -> list[NeededRight]:
        own = NeededRight(action="", resource=resource(r))
        tag = NeededRight(
            action=tagging, resource=resource(r), context={f"{tagging.split(':')[0]}:createaction": r.call.operation}
        )
        return [own, tag] if r.tags() else [own]

    return read


def right_to_link_role(r: RequestReader, service: str, role: str) -> list[NeededRight]:
    """The first such resource of an account makes the service's own role, with the caller's right to do so."""
    if service in r.world.linked_roles:
        return []
    return [
        NeededRight(
            action="iam:CreateServiceLinkedRole",
            resource=r.arn("iam", f"role/aws-service-role/{service}/{role}", regional=False),
            context={"iam:awsservicename": service},
        )
    ]


def rights_to_pass(arn: object, service: str) -> list[NeededRight]:
    return (
        [NeededRight(action="iam:PassRole", resource=str(arn), context={"iam:passedtoservice": service})] if arn else []
    )
