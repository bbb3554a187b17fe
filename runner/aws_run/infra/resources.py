"""What all AWS resources have in common, whatever their type. The types themselves are in `resource_types/`."""

from __future__ import annotations

from typing import ClassVar, Literal, NewType, Protocol

from aws_run.frozen import frozen

# When a resource goes: `kept` only on request, `shared` when no run of the project uses it (free while idle), `run`
# with its run.
Scope = Literal["kept", "shared", "run"]
# What a record calls a resource's type. Open, so that a type can be added in one file; the registry knows which there
# are. In code a kind is taken from the type's value (`Bucket.kind`), never spelled.
Kind = NewType("Kind", str)


class Resource(Protocol):
    """A wanted resource, as a frozen value: one class a type, beside the type's operations."""

    kind: ClassVar[Kind]

    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> Scope: ...


@frozen
class Ref:
    """A resource by kind and name: enough to find it and to delete it, from any machine."""

    kind: Kind
    name: str
    scope: Scope


def ref(resource: Resource) -> Ref:
    return Ref(kind=resource.kind, name=resource.name, scope=resource.scope)
