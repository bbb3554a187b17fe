"""One simulated AWS account in this process, and real `aws-run` processes that talk to it.

What bills is read off the simulated account itself (its bill and its inventory), never off what the tool says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.s3.models import FakeDeleteMarker
from tests.crash.forkserver import ForkedClient, ForkServer
from tests.waiting import PATIENCE_S, until

from aws_run.local.embedded import Embedded
from aws_run.local.http.protocol import Call, Reply
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.sim.billing import BillLine, bill
from aws_run.local.sim.model import Task
from aws_run.local.state import held, written
from aws_run.local.testing.faults import Faults, Kill
from aws_run.local.testing.inventory import left
from aws_run.naming import project_of_shared

AWS_RUN = [str(Path(sys.executable).with_name("aws-run"))]
KEPT = {"bucket", "repository"}
# What AWS takes for the ends of things (docs/real-aws.md); the embedded AWS's own are quicker.
AWS_TIMES: Mapping[str, float] = {"cluster_end_s": 30.0, "instance_end_s": 90.0, "scaling_delay_s": 15.0}
AWS_TIMES_S = 120.0  # after this, nothing is on its way to its end any more
_STEP_S = 300.0
# Copies every file in capitals; `--hang` stays until it is told to stop, `--hang-until F` until there is a file F,
# `--fail N` exits N.
SCRIPT = """
import argparse, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
parser.add_argument("--hang", action="store_true")
parser.add_argument("--hang-until", type=pathlib.Path)
parser.add_argument("--fail", type=int, default=0)
options = parser.parse_args()
for path in options.i.iterdir():
    (options.o / path.name).write_text(path.read_text().upper())
print("copied", flush=True)
while options.hang or (options.hang_until and not options.hang_until.exists()):
    time.sleep(0.05)
sys.exit(options.fail)
"""
INPUT = {"a.txt": "hello\n", "b c.txt": "again\n"}
OUTPUT = {name: text.upper() for name, text in INPUT.items()}


def make_project(folder: Path, name: str = "tiny") -> Path:
    """A project without dependencies in `folder/<name>`, its input beside it in `folder/data`."""
    project = folder / name
    project.mkdir(parents=True, exist_ok=True)
    (project / "main.py").write_text(SCRIPT)
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for file, text in INPUT.items():
        (data / file).write_text(text)
    return project


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One call as the account saw it."""

    access_key: str
    service: str
    operation: str  # of REST services: method and path
    text: str  # path, query and body: every name the call mentions


class Script(Faults):
    """Faults by predicate, and a log of the calls of clients."""

    def __init__(self, chaos_seed: int | None = None) -> None:
        super().__init__(chaos_seed)
        self.kill_by_name: tuple[int, str, str] | None = None  # pid, the call's name, before or after it
        self.happened: list[Happened] = []
        self.on_call: list[Callable[[Happened, Call], Reply | None]] = []

    def around(self, call: Call, execute: Callable[[], Reply]) -> Reply:
        if call.access_key.startswith("ASIA"):
            return super().around(call, execute)
        named = call.operation or f"{call.method} {call.path}"
        body = call.body.decode(errors="replace") if call.body else ""
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        seen = Happened(
            access_key=call.access_key, service=call.service, operation=named, text=f"{call.path}?{query} {body}"
        )
        self.happened.append(seen)
        for listener in list(self.on_call):
            reply = listener(seen, call)
            if reply is not None:
                return reply
        if self.kill_by_name is not None and self.kill_by_name[1] == f"{call.service}:{named}":
            pid, _, when = self.kill_by_name
            self.kill_by_name = None
            self.kill_at(Kill(pid=pid, at=1, when=when))  # type: ignore[arg-type]
        return super().around(call, execute)

    def operations(self) -> list[str]:
        return [f"{seen.service}:{seen.operation}" for seen in self.happened]


class Account:
    """`options` may name faults, chaos or quotas; the account is empty until something is submitted. `clients` makes the
    processes that `run` needs."""

    def __init__(self, home: Path, *, clients: ForkServer | None = None, **options: Any) -> None:
        self._home = home
        self._clients = clients
        self._state = home / "state" / "aws-run"
        self._state.mkdir(parents=True, exist_ok=True)
        self.script = Script(options.get("chaos_seed"))
        chosen = LocalOptions(**{"boot_s": 0.05, "runtime": "process", **options})
        self.embedded = Embedded(chosen, self._state)
        self.world = self.embedded.world
        self.world.faults = self.script
        self.local: LocalAws = self.embedded.start()
        self._found = ExitStack()  # by clients, as one that `local start` has left running
        self._found.enter_context(held(self._state))
        self._found.enter_context(written(self._state, self.local))

    def close(self) -> None:
        self._found.close()
        self.embedded.stop()

    # -- clients --------------------------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """That of a user who exported the account's address; the state folder holds what `local start` leaves there."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **inherited,
            **self.local.environment(),
            "XDG_STATE_HOME": str(self._home / "state"),
            "XDG_CACHE_HOME": str(self._home / "cache"),
            **more,
        }

    def start(
        self, *arguments: object, kill: tuple[int | str, str] | None = None, **more: str
    ) -> subprocess.Popen[str]:
        """An `aws-run` process; with `kill` it dies at its n-th call, or its first of that name, "before" or "after" that
        is carried out.

        It waits for a line before it begins, so that its process id is known before its first call.
        """
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _ && exec "$@"', "sh", *AWS_RUN, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**more),
            cwd=self._home,
        )
        if kill is not None:
            self.kill_at(child, *kill)
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        return child

    def kill_at(self, child: subprocess.Popen[str] | ForkedClient, at: int | str, when: str) -> None:
        """It dies at its n-th call from now, or its next of that name."""
        if isinstance(at, str):
            self.script.kill_by_name = (child.pid, at, when)
        else:
            self.script.kill_at(Kill(pid=child.pid, at=at, when=when))  # type: ignore[arg-type]

    def run(self, *arguments: object, kill: tuple[int | str, str] | None = None, **more: str) -> Finished:
        if self._clients is None:
            return self.finish(self.start(*arguments, kill=kill, **more))
        child = self._clients.start([*map(str, arguments)], self.environment(**more), self._home)
        if kill is not None:
            self.kill_at(child, *kill)
        child.begin()
        return self.finish(child)

    def finish(self, child: subprocess.Popen[str] | ForkedClient) -> Finished:
        try:
            said, complained = child.communicate(timeout=PATIENCE_S)
        finally:
            child.kill()
            self.script.kill_at(None)
        return Finished(code=child.returncode, stdout=said, stderr=complained)

    def interrupt(self) -> None:
        """AWS takes every machine away, as it does with spot ones."""
        with self.world.lock:
            for place in self.world.places():
                for machine in list(place.instances.values()):
                    self.world.interrupt(place, machine)

    # -- time -----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.world.clock.now()

    def wait_for_tasks(self, timeout_s: float = PATIENCE_S) -> None:
        """Until every task has ended by itself (tasks are processes of this machine, in real time)."""
        self.until(lambda: not self.tasks(lambda task: task.status != "STOPPED"), timeout_s)

    def advance(self, seconds: float) -> None:
        """Moves the account's clock on, in steps: a task that was told to stop gets the real time it needs for it."""
        while seconds > 0:
            step = min(seconds, _STEP_S)
            self.world.clock.advance(step)
            self.wait_for_stops()
            seconds -= step

    def wait_for_stops(self) -> None:
        """Until every task that was told to stop has ended, in real time."""
        self.until(lambda: not self.tasks(lambda task: task.status != "STOPPED" and task.stop.is_set()))

    def until(self, check: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        until(check, within_s=timeout_s)

    def tasks(self, wanted: Callable[[Task], bool] = lambda task: True) -> list[Task]:
        with self.world.lock:
            return [task for place in self.world.places() for task in place.tasks.values() if wanted(task)]

    def running(self) -> bool:
        """Whether a task's job is at work."""
        return bool(self.tasks(lambda task: task.status == "RUNNING"))

    # -- oracles --------------------------------------------------------------------------------------------------

    def bill(self) -> list[BillLine]:
        return bill(self.world)

    def still_bills(self) -> list[BillLine]:
        return [line for line in self.bill() if line.open]

    def usd_after(self, moment: datetime) -> float:
        """What was, or is being, billed for time after `moment`."""
        now = self.now()
        usd = 0.0
        for line in self.bill():
            over_s = ((line.ended_at or now) - max(moment, line.started_at)).total_seconds()
            usd += line.usd * max(over_s, 0.0) / line.seconds if line.seconds else 0.0
        return usd

    def left(self, *, shared: bool = False) -> dict[str, list[str]]:
        """What there is beside bucket and repository, and (unless `shared`) beside the roles and the log group that a
        project's runs share, which cost nothing; marks and locks in the bucket count too."""
        found = {kind: names for kind, names in left(self.world).items() if kind not in KEPT}
        if not shared:
            own = {kind: [n for n in names if not self._is_shared(n)] for kind, names in found.items()}
            found = {kind: names for kind, names in own.items() if names}
        marks = [key for key in self.stored() if key.startswith(("live/", "leaving/", "locks/"))]
        return {**found, **({"mark": marks} if marks else {})}

    def _is_shared(self, name: str) -> bool:
        return project_of_shared(name, self.local.region) is not None

    def stored(self) -> list[str]:
        """The bucket's objects; it has versions, so what was deleted is there as a marker."""
        with self.world.lock:
            buckets = list(self.world.moto("s3", "aws").buckets.values())
        found = [(name, value) for bucket in buckets for name, value in list(bucket.keys.items())]
        return [name for name, value in found if not isinstance(value, FakeDeleteMarker)]

    def log(self) -> str:
        """All that jobs have said so far."""
        groups = list(self.world.moto("logs", self.local.region).groups.values())
        streams = [stream for group in groups for stream in list(group.streams.values())]
        return "\n".join(event.message for stream in streams for event in list(stream.events))

    def run_id(self) -> str:
        """The newest recorded run's."""
        runs = [key.split("/")[1] for key in self.stored() if key.endswith("/run.json")]
        return max(runs, key=lambda run: run[-20:])

    def object(self, key: str) -> Any:
        """A JSON object of the bucket."""
        bucket = next(iter(self.world.moto("s3", "aws").buckets.values()))
        return json.loads(bucket.keys[key].value)


@dataclass(frozen=True, kw_only=True)
class Finished:
    code: int
    stdout: str
    stderr: str


@contextmanager
def account(home: Path, **options: Any) -> Iterator[Account]:
    made = Account(home, **options)
    try:
        yield made
    finally:
        made.close()
