"""Whole runs under an allowance: what is held and given back, who is refused, and what a dead client's run leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.crash.story import Begin, Story, stories

from aws_run.errors import AwsRunError, UsageError
from aws_run.lifecycle import lookup
from aws_run.report.views import PlanView
from aws_run.runs.allowance import Standing, parse_limit
from aws_run.runs.allowances import KEY, Allowances
from aws_run.usecases import allowance
from aws_run.usecases.gc import gc
from aws_run.usecases.plan import plan
from aws_run.usecases.submit import submit


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin:
        yield begin


def standing(story: Story) -> Standing:
    (one,) = allowance.show(story.context).standings
    return one


def with_allowance(story: Story, text: str) -> Story:
    """The account has its bucket: a run has made it."""
    assert story.submit().exit_code == 0
    allowance.put(story.context, parse_limit(text), story.config())
    return story


@pytest.mark.parametrize("backend", ["fargate", "ec2"])
def test_a_run_holds_the_most_it_may_cost_and_gives_back_what_it_did_not(begin: Begin, backend: str) -> None:
    story = with_allowance(begin(), "5/day")
    shown: list[PlanView] = []
    held: list[Standing] = []
    context = replace(story.context, before_task=lambda: held.append(standing(story)))
    done = submit(story.config(backend=backend), context, show_plan=shown.append)
    assert done.exit_code == 0
    (limit,) = shown[0].allowances
    assert any("allowance of $5.00 a day: $0.00 used" in note for note in shown[0].notes)
    assert held[0].reserved_usd == limit.holds_usd == Decimal(str(done.record.reserved_usd))
    assert shown[0].price is not None
    assert limit.holds_usd == pytest.approx(shown[0].price.at_most, abs=Decimal("0.0001"))
    after = standing(story)
    assert (after.holders, after.used_usd) == (0, Decimal(str(done.record.cost_usd)))


def test_an_allowance_can_be_the_first_thing_in_an_account(begin: Begin) -> None:
    """It makes the bucket that a run would make, which finds nothing to change in it."""
    story = begin()
    assert allowance.show(story.context).standings == ()
    (there,) = allowance.put(story.context, parse_limit("0.0001/day"), story.config()).standings
    assert there.free_usd == Decimal("0.0001")
    assert any("made the bucket arun-" in text for text in story.notices())
    with pytest.raises(UsageError, match="it never fits"):
        story.submit()
    allowance.put(story.context, parse_limit("5/day"), story.config())
    context = story.new_bench()
    rows = [row for lane in plan(story.config(), context).lanes for row in lane.rows]
    assert [row.action for row in rows if row.kind == "bucket"] == ["reuse"]
    assert story.submit(context=context).exit_code == 0


def test_a_run_that_does_not_fit_is_refused_before_anything_is_made(begin: Begin) -> None:
    story = with_allowance(begin(), "0.10/day")
    before, stored = len(story.operations()), set(story.account.stored())
    with pytest.raises(UsageError, match=r"allowance of \$0\.10 a day has .* it never fits"):
        story.submit(backend="ec2")
    made = [name for name in story.operations()[before:] if ":Create" in name or ":Run" in name]
    assert made == []
    assert set(story.account.stored()) == stored
    with pytest.raises(UsageError, match=r"never fits"):
        plan(story.config(backend="ec2"), story.new_bench())
    assert story.submit(backend="ec2", max_cost="0.05", context=story.new_bench()).exit_code == 0


def test_the_run_of_a_dead_client_is_settled_by_gc_with_what_it_cost(begin: Begin) -> None:
    story = with_allowance(begin(), "5/day")
    detached = story.submit("--hang", backend="ec2", timeout="10m", detach=True)
    assert detached.exit_code == 0
    story.account.until(story.account.running)
    assert standing(story).holders == 1
    story.account.advance(3 * 3600)
    gc(story.context)
    record = story.record(detached.record.run_id)
    (claim,) = Allowances(lookup.store(story.context), story.clock()).read().ledger.claims
    assert claim.settled
    assert record.reserved_usd is not None
    assert record.cost_usd is not None
    assert 0 < claim.usd == Decimal(record.cost_usd) <= Decimal(record.reserved_usd)


def test_a_start_that_fails_gives_all_of_it_back(begin: Begin) -> None:
    story = with_allowance(begin(), "5/day")
    story.refuse("ecs:RunTask", "AccessDeniedException", times=None)
    with pytest.raises(AwsRunError):
        story.submit()
    assert (standing(story).holders, standing(story).used_usd) == (0, Decimal(0))


def test_an_allowance_costs_a_project_without_one_no_request(begin: Begin) -> None:
    story = begin()

    def requests_for_it() -> int:
        before = len(story.script.happened)
        assert story.submit(context=story.new_bench()).exit_code == 0
        return sum(KEY in call.text for call in story.script.happened[before:])

    assert story.submit().exit_code == 0
    assert requests_for_it() == 0
    allowance.put(replace(story.context), parse_limit("50/day"), story.config())
    assert KEY in story.account.stored()
    assert requests_for_it() >= 4, "it is read and written to hold, and read and written to give back"
    allowance.remove(story.context, (None, None, None))
    assert KEY not in story.account.stored()
    assert requests_for_it() == 0
