"""What the guard in an instance's user data would do: watch its tasks, pass the Spot notice on, power off.

It acts only where the user data sets a guard up, and with that guard's own numbers. The script itself is tested apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from aws_run.local.sim.model import GroupInstance, Place
from aws_run.local.sim.state import AccountState

PowerOff = Callable[[Place, GroupInstance, str], None]
NOTICE = "run/aws-run/notice"  # under the host's root
_NUMBER = re.compile(r"^(NEVER_CAME_S|OVER_S|DEADLINE_EPOCH|MADE_EPOCH|LATE_S|LATE_NEVER_CAME_S)=(\d+)$", re.MULTILINE)
_LOOK_S = 5.0  # the interval at which the guard looks at its tasks


class InstanceGuard:
    def __init__(self, world: AccountState, power_off: PowerOff) -> None:
        self._world = world
        self._power_off = power_off

    def watch(self, place: Place, instance: GroupInstance) -> None:
        """Called when the instance has booted, with the lock held."""
        numbers = {name: int(value) for name, value in _NUMBER.findall(instance.user_data)}
        if len(numbers) < 6:
            return
        late = self._world.clock.now().timestamp() - numbers["MADE_EPOCH"] > numbers["LATE_S"]
        wait_s = numbers["LATE_NEVER_CAME_S" if late else "NEVER_CAME_S"]
        self._world.later(wait_s, lambda: self._never_came(place, instance))
        deadline = datetime.fromtimestamp(numbers["DEADLINE_EPOCH"], timezone.utc)
        self._world.later(
            (deadline - self._world.clock.now()).total_seconds(),
            lambda: self._leave(place, instance, "past the run's deadline"),
        )

    def task_over(self, place: Place, instance: GroupInstance) -> None:
        """A task of this instance has stopped: if none is left, the machine goes after a while."""
        numbers = {name: int(value) for name, value in _NUMBER.findall(instance.user_data)}
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


def _tasks(place: Place, instance: GroupInstance, *, stopped_too: bool = False) -> bool:
    rows = [*place.tasks.values(), *place.past_tasks]
    return any(
        t.instance is not None and t.instance.instance is instance and (stopped_too or t.status != "STOPPED")
        for t in rows
    )
