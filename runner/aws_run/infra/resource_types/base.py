"""What a resource type is: all that the tool does with one kind of AWS resource, as one object.

A type's file holds its frozen value, its operations and, at the end, the object; `registry.py` lists the objects.
Nothing else has to know a type: creating, observing, removing, listing, `--keep`, console links and printed commands go
through the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.config.value_types import KeepName
from aws_run.frozen import frozen
from aws_run.infra.resources import Kind, Resource, Scope

R = TypeVar("R", bound=Resource)


@frozen
class Observation:
    """`current`: it is as wanted. `value`: what AWS calls it (a repository's URI)."""

    present: bool
    current: bool = True
    value: str = ""


ABSENT = Observation(present=False, current=False)


@frozen
class Listing:
    """One of the cloud's own listings in which resources of a type show, by their names. Names that belong to no run
    are left out by the reader. `what` names what is listed, in messages."""

    what: str
    names: Callable[[Aws], Iterator[str]]


def _no_link(name: str, region: str) -> str:
    return ""


@frozen
class ResourceType(Generic[R]):
    """Every operation raises AwsCallError when AWS refuses: a 403 is neither "there already" nor "gone".

    `create` makes what is wanted, adopts what is there already under the name (a lost response, a half-finished run)
    and returns the resource's id as AWS gives it. `update` brings what exists to what is wanted; None: never changed.
    `observe` tells with one call whether it is there and as wanted; None: its name is new with each run.
    `delete` removes by name alone and accepts what is already gone. `absent` is answered by the cloud's own listing,
    never by what we believe.
    `list_owned`: where a run's resources of this type show; `gc` finds what is left by these.
    `owner_tags`: the tags of what has that name, None where nothing has; None instead of a function where the name is
    one that nobody else gives.
    `manual_commands` (name, region): what finishes a removal by hand. `console_link` (name, region): "" without one.
    """

    value: type[R]
    scopes: tuple[Scope, ...]
    create: Callable[[Aws, R, Clock], str]
    update: Callable[[Aws, R, Clock], None] | None = None
    observe: Callable[[Aws, R], Observation] | None = None
    delete: Callable[[Aws, str, Clock], None]
    absent: Callable[[Aws, str], bool]
    list_owned: tuple[Listing, ...] = ()
    owner_tags: Callable[[Aws, str], dict[str, str] | None] | None = None
    manual_commands: Callable[[str, str], tuple[str, ...]]
    console_link: Callable[[str, str], str] = _no_link

    # What `keep:` calls it, None where it can't be kept by name; and the scopes in which that keeps it.
    keep_as: KeepName | None = None
    keep_scopes: tuple[Scope, ...] = ("kept", "shared", "run")
    # What one that is kept for the next run costs meanwhile: a sentence for the user, "" where nobody needs one.
    idle_cost: str = ""
    # Where those that a project's runs share show; `gc` finds the ones that nobody uses by these.
    list_shared: tuple[Listing, ...] = ()

    # The kinds whose removal is tried before this one's begins: they would hold it up. All else goes side by side.
    depends_on: tuple[Kind, ...] = ()
    # Ends what the resource bills (by name) without removing it: for what is kept. With `ends_bill_first` a removal
    # calls it too, before anything else is even looked at.
    end_bill: Callable[[Aws, str, Clock], None] | None = None
    ends_bill_first: bool = False
    # Which names are a part of a run's dead-man's switch. These are kept while the run's task may go on, and only these
    # wait for `depends_on`; None: no name is a part of one, and all wait.
    is_deadline_switch: Callable[[str], bool] | None = None

    @property
    def kind(self) -> Kind:
        return self.value.kind

    def waits(self, name: str) -> bool:
        """Whether the removal of the resource of that name waits for other kinds'."""
        return bool(self.depends_on) and (self.is_deadline_switch is None or self.is_deadline_switch(name))

    def keeps(self, keep: tuple[str, ...], scope: Scope) -> bool:
        """Whether the words of a run's `keep:` spare a resource of this type."""
        return "all" in keep or (self.keep_as in keep and scope in self.keep_scopes)
