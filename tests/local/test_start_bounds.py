"""A build, push or upload that hangs: what is billed meanwhile, by the embedded AWS's own bill and on its clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.crash.story import Begin, Story, WatchedClock

from aws_run.clock import parse_iso
from aws_run.errors import BuildError, DeadlineError, InterruptedRunError
from aws_run.usecases import submit as submitting
from aws_run.usecases.plan import plan

_STEP_S, _LARGE_STEP_S = 20.0, 180.0  # while a machine bills, and when none does
_FINE_S = 16 * 60


class Hanging:
    """A builder that takes `for_s` of the account's time, then builds; by itself it never ends."""

    def __init__(self, story: Story, for_s: float = float("inf"), fails: bool = False) -> None:
        self._story = story
        self._for_s = for_s
        self._fails = fails
        self._plain = story.context.builder()
        self.clock = WatchedClock(story.clock())
        self.context = story.new_bench(builder=lambda: self)
        backends = story.context.backends
        self.context = replace(self.context, clock=self.clock, backends=backends)

    done = "built"

    def build_push(self, *arguments: Any) -> str:
        world, waited_s = self._story.world.clock, 0.0
        if self._story.record().backend == "ec2":  # time goes by from the moment on at which the machine bills
            self._story.account.until(lambda: machines(self._story) or self.context.stop.is_set())
        while waited_s < self._for_s:
            if self.context.stop.is_set():
                raise InterruptedRunError("stopped")
            step_s = _STEP_S if waited_s < _FINE_S and self._story.account.still_bills() else _LARGE_STEP_S
            world.advance(step_s)
            waited_s += step_s
            self.clock.wait_for_a_look(self.context.stop)
        if self._fails:
            raise BuildError("it does not build")
        return self._plain.build_push(*arguments)


def machines(story: Story) -> list[float]:
    """How long each instance was up."""
    return [line.seconds for line in story.account.bill() if line.kind == "instance"]


def billed(story: Story) -> float:
    return sum(line.usd for line in story.account.bill())


def plan_says_at_most(story: Story, **flags: Any) -> float:
    view = plan(story.config(**flags), story.context)
    text = view.estimate[-1]  # after the line on why this hardware
    return float(text.partition("at most $")[2].split()[0])


A10G = {"backend": "ec2", "gpu": "A10G:4", "timeout": "10m", "max_cost": "3"}


def test_a_build_that_never_returns_bills_less_than_the_plan_says_and_ends_with_124(begin: Begin) -> None:
    """It billed 6 hours and $34.03 once."""
    story = begin()
    at_most = plan_says_at_most(story, **A10G)
    hanging = Hanging(story)
    with pytest.raises(DeadlineError, match="The image was not ready after 60 min") as ended:
        story.submit(context=hanging.context, **A10G)
    assert ended.value.exit_code == 124
    (up_s,) = machines(story)
    assert 150 <= up_s <= 150 + 2 * _STEP_S, "a quarter of ten minutes"
    assert billed(story) < at_most <= 3.0
    assert story.account.still_bills() == []
    assert story.account.left() == {}
    assert any("given back" in text for text in story.notices())
    assert any(text.startswith("image: nothing heard for") for text in story.notices())
    assert float(str(story.record().cost_usd)) == pytest.approx(billed(story), rel=0.05)
    assert any("before the job could start: $" in text for text in story.notices())


@pytest.mark.parametrize("spot", [False, True])
def test_the_machine_comes_again_when_the_image_is_there_and_the_receipt_counts_both(begin: Begin, spot: bool) -> None:
    story = begin()
    hanging = Hanging(story, for_s=40 * 60)
    done = story.submit(context=hanging.context, backend="ec2", timeout="1h", spot=spot)
    assert done.exit_code == 0
    waited_s, _ran_s = machines(story)
    assert 900 <= waited_s <= 900 + 2 * _STEP_S
    assert done.view.receipt is not None
    seconds = sum(machines(story))
    assert float(done.view.receipt.lines[0].quantity) * 3600 == pytest.approx(seconds, abs=30)
    assert story.account.left() == {}


def test_the_cap_holds_over_a_late_image_and_a_job_that_uses_all_its_time(begin: Begin) -> None:
    story = begin()
    capped = {"backend": "ec2", "gpu": "A10G:4", "timeout": "2h", "max_cost": "3"}
    at_most = plan_says_at_most(story, **capped)
    hanging = Hanging(story, for_s=30 * 60)
    assert story.submit("--hang", context=hanging.context, detach=True, **capped).exit_code == 0
    ends = parse_iso(story.record().deadline)
    story.account.until(story.account.running)
    # Four minutes are what the plan gives the job's last save and the machine's end.
    story.account.advance((ends + timedelta(minutes=4) - story.account.now()).total_seconds())
    assert len(machines(story)) == 2
    assert billed(story) <= at_most <= 3.0
    # The cap is counted at the price of the dearest type that the group may take; at that price the run used nearly all of it.
    record = story.record()
    assert record.hardware is not None
    assert 2.7 < sum(machines(story)) / 3600 * float(record.hardware.usd_per_hour) <= at_most


def test_a_client_that_dies_while_it_builds_leaves_a_machine_to_its_switch_and_the_switch_is_near(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin()

    def dies(*_: Any) -> None:
        story.account.until(lambda: machines(story))
        raise SystemExit

    hanging = Hanging(story)
    monkeypatch.setattr(hanging, "build_push", dies)
    monkeypatch.setattr(submitting, "abandon", lambda context, error, **_: error)
    with pytest.raises(SystemExit):
        story.submit(context=hanging.context, **A10G)
    story.account.advance(3600)
    (up_s,) = machines(story)
    assert up_s <= 150 + 180 + 60
    assert story.account.still_bills() == []


def test_a_build_that_fails_late_has_its_waiting_machine_told_and_in_the_record(begin: Begin) -> None:
    story = begin()
    hanging = Hanging(story, for_s=120, fails=True)
    with pytest.raises(BuildError):
        story.submit(context=hanging.context, backend="ec2")
    (up_s,) = machines(story)
    assert 100 <= up_s <= 200
    assert float(str(story.record().cost_usd)) > 0
    assert story.account.left() == {}


def test_on_fargate_nothing_bills_while_the_image_is_built_and_the_start_is_bounded_too(begin: Begin) -> None:
    story = begin()
    with pytest.raises(DeadlineError):
        story.submit(context=Hanging(story).context, backend="fargate", timeout="10m")
    assert story.account.bill() == []
    assert story.account.left() == {}


def test_a_lease_that_can_not_be_ended_by_the_client_is_ended_by_aws(begin: Begin) -> None:
    story = begin()
    story.refuse("autoscaling:UpdateAutoScalingGroup", "AccessDenied", "not any more", skip=1, times=20)
    hanging = Hanging(story)
    with pytest.raises(DeadlineError):
        story.submit(context=hanging.context, **A10G)
    (up_s,) = machines(story)
    assert up_s <= 150 + 180 + 2 * _STEP_S
    assert any("could not be given back" in text for text in story.notices())
