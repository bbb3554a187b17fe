"""What holds for every resource type, whatever it is: sentences that a type and its sample must make true.

A sample is one resource of a type and what AWS answers about it. `test_contract.py` puts the registry's types through;
`test_a_new_type.py` a type that nothing else in the tool has heard of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.fakes import REGION, RUN, FakeAws, FakeClock, refused

from aws_run.config.value_types import KEEP_KINDS
from aws_run.errors import AwsRunError
from aws_run.infra import apply
from aws_run.infra.listing import list_owned
from aws_run.infra.observe import observe_one
from aws_run.infra.resource_types.base import ABSENT, ResourceType
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Ref, Resource, ref

Answers = Mapping[str, Any]
OURS = f"arun-{RUN}"
OF_OTHERS = ("web-frontend", "arun-but-no-run", f"my-arun-{RUN}")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Each of the mappings holds what AWS answers, by operation.

    `made`: to a create of something new. `present`: while it is there, ours and as wanted; a second create included.
    `changed`: while it is there, not as wanted. `gone`: after it has gone; a second delete included. `deletable`: what a
    delete has to see to get to `delete_call`. `foreign`: while somebody else's has the name.
    `listed`: by each operation that lists resources of the type, the answer that holds these names.
    """

    resource: Resource
    types: Registry = RESOURCE_TYPES
    create_call: str
    delete_call: str
    absent_call: str
    observe_call: str | None = None
    tags_call: str | None = None
    made: Answers = field(default_factory=dict)
    present: Answers = field(default_factory=dict)
    changed: Answers | None = None
    gone: Answers = field(default_factory=dict)
    deletable: Answers = field(default_factory=dict)
    foreign: Answers = field(default_factory=dict)
    listed: Mapping[str, Callable[[tuple[str, ...]], Any]] = field(default_factory=dict)

    @property
    def type(self) -> ResourceType[Any]:
        return self.types.of(self.resource.kind)

    @property
    def ref(self) -> Ref:
        return ref(self.resource)


def cloud(*answers: Answers) -> FakeAws:
    """The later answers over the earlier ones."""
    aws = FakeAws()
    for each in answers:
        for operation, answer in each.items():
            aws.on(operation, answer)
    return aws


def denied(operation: str | None) -> Answers:
    assert operation is not None
    return {operation: refused("AccessDeniedException", "not found? not allowed")}


# -- create and update ------------------------------------------------------------------------------------------------


def a_create_makes_it_and_returns_its_id(sample: Sample) -> None:
    aws = cloud(sample.made)
    assert apply.create(aws, sample.resource, FakeClock(), sample.types)
    assert aws.operations[0] == sample.create_call


def a_create_adopts_what_is_there_already(sample: Sample) -> None:
    assert apply.create(cloud(sample.made, sample.present), sample.resource, FakeClock(), sample.types)


def a_refused_create_is_neither_made_nor_adopted(sample: Sample) -> None:
    for before in ({}, sample.present):
        aws = cloud(sample.made, before, denied(sample.create_call))
        with pytest.raises(AwsRunError):
            apply.create(aws, sample.resource, FakeClock(), sample.types)


def an_update_never_creates(sample: Sample) -> None:
    aws = cloud(sample.made, sample.present)
    if sample.type.update is None:
        with pytest.raises(TypeError, match=sample.resource.kind):
            apply.update(aws, sample.resource, FakeClock(), sample.types)
        assert aws.calls == []
        return
    apply.update(aws, sample.resource, FakeClock(), sample.types)
    assert aws.calls
    assert sample.create_call not in aws.operations


# -- observe ----------------------------------------------------------------------------------------------------------


def it_is_observed_with_one_call_as_current_changed_or_absent(sample: Sample) -> None:
    if sample.type.observe is None:
        assert set(sample.type.scopes) == {"run"}  # its names are new with each run
        with pytest.raises(TypeError, match="belongs to one run"):
            observe_one(FakeAws(), sample.resource, sample.types)
        return
    aws = cloud(sample.present)
    seen = observe_one(aws, sample.resource, sample.types)
    assert (seen.present, seen.current) == (True, True)
    assert aws.operations == [sample.observe_call]
    if sample.changed is not None:
        seen = observe_one(cloud(sample.present, sample.changed), sample.resource, sample.types)
        assert (seen.present, seen.current) == (True, False)
    assert observe_one(cloud(sample.gone), sample.resource, sample.types) == ABSENT
    with pytest.raises(AwsRunError):
        observe_one(cloud(sample.gone, denied(sample.observe_call)), sample.resource, sample.types)


def what_can_be_updated_can_be_seen_to_have_changed(sample: Sample) -> None:
    assert (sample.type.update is None) == (sample.changed is None)
    assert sample.type.update is None or sample.type.observe is not None


# -- delete and absent ------------------------------------------------------------------------------------------------


def it_is_deleted_by_its_name_alone(sample: Sample) -> None:
    aws = cloud(sample.gone, sample.deletable, {sample.delete_call: {}})
    apply.delete(aws, sample.ref, FakeClock(), sample.types)
    assert sample.delete_call in aws.operations


def a_delete_accepts_what_is_gone_already(sample: Sample) -> None:
    apply.delete(cloud(sample.gone), sample.ref, FakeClock(), sample.types)


def a_refused_delete_is_not_taken_for_gone(sample: Sample) -> None:
    aws = cloud(sample.gone, sample.deletable, denied(sample.delete_call))
    with pytest.raises(AwsRunError):
        apply.delete(aws, sample.ref, FakeClock(), sample.types)


def it_is_absent_when_the_clouds_listing_says_so_and_only_then(sample: Sample) -> None:
    assert apply.absent(cloud(sample.gone), sample.ref, sample.types)
    assert not apply.absent(cloud(sample.present), sample.ref, sample.types)
    with pytest.raises(AwsRunError):
        apply.absent(cloud(sample.gone, denied(sample.absent_call)), sample.ref, sample.types)


# -- whose it is ------------------------------------------------------------------------------------------------------


def its_tags_tell_whose_it_is(sample: Sample) -> None:
    if sample.type.owner_tags is None:
        assert sample.tags_call is None
        assert not apply.is_foreign(FakeAws(), sample.ref, sample.types)
        return
    assert not apply.is_foreign(cloud(sample.present), sample.ref, sample.types)
    assert apply.is_foreign(cloud(sample.present, sample.foreign), sample.ref, sample.types)
    assert not apply.is_foreign(cloud(sample.gone), sample.ref, sample.types)
    with pytest.raises(AwsRunError):
        apply.is_foreign(cloud(sample.present, denied(sample.tags_call)), sample.ref, sample.types)


def its_listings_yield_only_what_is_ours(sample: Sample) -> None:
    assert bool(sample.type.list_owned) == ("run" in sample.type.scopes)
    for operation, answer in sample.listed.items():
        aws = cloud({operation: answer((*OF_OTHERS, OURS))})
        assert _only(sample, list_owned(aws, types=sample.types)) == [OURS]


def a_refused_listing_is_told_and_yields_nothing(sample: Sample) -> None:
    assert len(sample.listed) == len(sample.type.list_owned)
    for operation in sample.listed:
        messages: list[str] = []
        assert _only(sample, list_owned(cloud(denied(operation)), messages.append, sample.types)) == []
        what = {listing.what for listing in sample.type.list_owned}
        assert [text for text in messages if text.split(" could not be listed: ")[0] in what]


def _only(sample: Sample, refs: list[Ref]) -> list[str]:
    assert all(each.scope == "run" for each in refs)
    return [each.name for each in refs if each.kind == sample.resource.kind]


# -- what the user reads ----------------------------------------------------------------------------------------------


def commands_finish_its_removal_by_hand(sample: Sample) -> None:
    lines = sample.type.manual_commands(sample.resource.name, REGION)
    assert lines
    assert isinstance(lines, tuple)
    for line in lines:
        assert line.startswith(("aws ", "aws-run "))
        # The one bucket and the one network of an account and region are not named.
        of_the_account = line.startswith(("aws-run destroy --everything ", "aws-run network remove "))
        assert sample.resource.name in line or RUN in line or of_the_account
        assert REGION in line or " iam " in line


def a_link_leads_to_it_where_there_is_one(sample: Sample) -> None:
    link = sample.type.console_link(sample.resource.name, REGION)
    assert link == "" or (link.startswith(f"https://{REGION}.console.aws.amazon.com/") and sample.resource.name in link)


def keep_spares_it_by_a_word_that_the_configuration_knows(sample: Sample) -> None:
    word = sample.type.keep_as
    assert word is None or word in KEEP_KINDS
    for scope in sample.type.scopes:
        assert not sample.type.keeps((), scope)
        assert sample.type.keeps(("all",), scope)
        if word is not None:
            assert sample.type.keeps((word,), scope) == (scope in sample.type.keep_scopes)


CONTRACT: tuple[Callable[[Sample], None], ...] = (
    a_create_makes_it_and_returns_its_id,
    a_create_adopts_what_is_there_already,
    a_refused_create_is_neither_made_nor_adopted,
    an_update_never_creates,
    it_is_observed_with_one_call_as_current_changed_or_absent,
    what_can_be_updated_can_be_seen_to_have_changed,
    it_is_deleted_by_its_name_alone,
    a_delete_accepts_what_is_gone_already,
    a_refused_delete_is_not_taken_for_gone,
    it_is_absent_when_the_clouds_listing_says_so_and_only_then,
    its_tags_tell_whose_it_is,
    its_listings_yield_only_what_is_ours,
    a_refused_listing_is_told_and_yields_nothing,
    commands_finish_its_removal_by_hand,
    a_link_leads_to_it_where_there_is_one,
    keep_spares_it_by_a_word_that_the_configuration_knows,
)
