"""What the guard in an instance's user data would do: watch its tasks, pass the Spot notice on, power off.

It acts only where the user data sets a guard up, and with that guard's own numbers. The script itself is tested apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from aws_run.local.sim.model import GroupInstance, Place, Task
from aws_run.local.sim.state import AccountState

PowerOff = Callable[[Place, GroupInstance, str], None]
NOTICE = "run/aws-run/notice"  # under the host's root
_NUMBER = re.compile(
    r"^(NEVER_CAME_S|OVER_S|DEADLINE_EPOCH|MADE_EPOCH|LATE_S|LATE_NEVER_CAME_S|AFTER_DEADLINE_S|UP_AT_MOST_S)=(\d+)$",
    re.MULTILINE,
)
_DEADLINE = "AWS_RUN_DEADLINE"  # in the environment of a task's container, epoch seconds
_LOOK_S = 5.0  # the interval at which the guard looks at its tasks


class InstanceGuard:
    def __init__(self, world: AccountState, power_off: PowerOff) -> None:
        self._world = world
        self._power_off = power_off

    def watch(self, place: Place, instance: GroupInstance) -> None:
        """Called when the instance has booted, with the lock held."""
        numbers = _numbers(instance)
        if len(numbers) < 8:
            return
        late = self._world.clock.now().timestamp() - numbers["MADE_EPOCH"] > numbers["LATE_S"]
        wait_s = numbers["LATE_NEVER_CAME_S" if late else "NEVER_CAME_S"]
        self._world.later(wait_s, lambda: self._never_came(place, instance))
        self._leave_at(place, instance, numbers["DEADLINE_EPOCH"], unless_a_task_came=True)
        if numbers["UP_AT_MOST_S"]:
            text = "--max-cost pays for no more"
            self._world.later(numbers["UP_AT_MOST_S"], lambda: self._leave(place, instance, text))

    def task_placed(self, place: Place, task: Task) -> None:
        """The guard finds the job's deadline in its container."""
        instance = task.instance.instance if task.instance is not None else None
        after_s = None if instance is None else _numbers(instance).get("AFTER_DEADLINE_S")
        deadline = _deadline(task)
        if instance is not None and after_s is not None and deadline is not None:
            self._leave_at(place, instance, deadline + after_s)

    def _leave_at(
        self, place: Place, instance: GroupInstance, epoch_s: int, *, unless_a_task_came: bool = False
    ) -> None:
        def leave() -> None:
            if not (unless_a_task_came and _tasks(place, instance, stopped_too=True)):
                self._leave(place, instance, "past the run's deadline")

        end = datetime.fromtimestamp(epoch_s, timezone.utc)
        self._world.later((end - self._world.clock.now()).total_seconds(), leave)

    def task_over(self, place: Place, instance: GroupInstance) -> None:
        """A task of this instance has stopped: if none is left, the machine goes after a while."""
        numbers = _numbers(instance)
        if "OVER_S" in numbers:
            self._world.later(numbers["OVER_S"] + _LOOK_S, lambda: self._over(place, instance))

    def _never_came(self, place: Place, instance: GroupInstance) -> None:
        if not _tasks(place, instance, stopped_too=True):
            self._leave(place, instance, "no task came")

    def _over(self, place: Place, instance: GroupInstance) -> None:
        if not _tasks(place, instance):
            self._leave(place, instance, "the run's task is over")

    def _leave(self, place: Place, instance: GroupInstance, why: str) -> None:
        if instance.terminated_at is None:
            self._power_off(place, instance, f"the instance powering off: {why}")


def spot_notice(world: AccountState, place: Place, instance: GroupInstance, after_s: float) -> None:
    """Two minutes' warning, as EC2 gives it: the guard writes it where the container can read it."""
    when = (world.clock.now() + timedelta(seconds=after_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = world.hosts.of(instance.id)
    if "aws-run-guard" in instance.user_data:
        path = root / NOTICE
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(".notice")
        partial.write_text(json.dumps({"action": "terminate", "time": when}) + "\n")
        partial.replace(path)
    world.later(after_s, lambda: world.interrupt(place, instance))


def _numbers(instance: GroupInstance) -> dict[str, int]:
    return {name: int(value) for name, value in _NUMBER.findall(instance.user_data)}


def _deadline(task: Task) -> int | None:
    variables = [
        one
        for container in task.overrides.get("containerOverrides") or []
        for one in container.get("environment") or []
        if one.get("name") == _DEADLINE
    ]
    return min((int(one["value"]) for one in variables if str(one.get("value", "")).isdigit()), default=None)


def _tasks(place: Place, instance: GroupInstance, *, stopped_too: bool = False) -> bool:
    rows = [*place.tasks.values(), *place.past_tasks]
    return any(
        t.instance is not None and t.instance.instance is instance and (stopped_too or t.status != "STOPPED")
        for t in rows
    )
