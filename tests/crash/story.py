"""A submit inside this process, on a clock that moves when it is slept on: what takes AWS minutes takes no time."""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import Account, Happened, account, make_project

from aws_run.aws.cache import Cache, Cached, MemoryCache
from aws_run.aws.session import Aws
from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.backends.fargate.backend import FargateBackend
from aws_run.cli import compose
from aws_run.clock import SystemClock
from aws_run.config import Config
from aws_run.config.load import load_config
from aws_run.events import Event, Notice, StatusChanged
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.local.http.protocol import Call, Refusal, Reply
from aws_run.local.runtime.builder import ProcessBuilder
from aws_run.pricing.ec2_catalogue import Ec2Catalogue
from aws_run.pricing.price_list import AwsPrices
from aws_run.runs.record import Record
from aws_run.runs.record_reader import load
from aws_run.usecases.cleanup import cleanup
from aws_run.usecases.submit import submit

Begin = Callable[..., "Story"]
Answer = Callable[[Happened, Call], "Reply | None"]
_REAL_S = 0.003  # a sleep gives the task's process, which lives in real time, this much of a machine of its own


def _real_s() -> float:
    """`_REAL_S`, and more on a machine that many share, since there the task's process takes longer for the same."""
    return _REAL_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class WorldClock:
    """The account's own clock, from inside. A task that was told to stop gets the real time it needs for it, as it does in
    Account.advance: on a busy machine its seconds would otherwise be over before its process has had one of them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._clock = account.world.clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.seconds()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._account.wait_for_stops()
        time.sleep(_real_s())


class WatchedClock:
    """The account's clock, which tells how often the waiting client has looked at it. So a builder can let time go by at
    the client's own pace, however slow this machine is. The client is who makes it."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self._client = threading.current_thread()
        self._changed = threading.Condition()
        self._count = 0

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def monotonic(self) -> float:
        if threading.current_thread() is self._client:
            with self._changed:
                self._count += 1
                self._changed.notify_all()
        return self._clock.monotonic()

    def wait_for_a_look(self, stop: threading.Event) -> None:
        """Until the client has begun and ended a round since now (a round looks twice)."""
        with self._changed:
            wanted = self._count + 4
            while self._count < wanted and not stop.is_set():
                self._changed.wait(1)


def hang_up(call: Call, reply: Reply) -> Reply:
    """The connection breaks before the answer is on it."""
    call.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return reply


class WarmCache(MemoryCache):
    """Whatever some story has read before: the embedded AWS's catalogue and prices are the same in all of them, and
    reading them takes a second of processor time. Stories about them bring a cache of their own."""

    def read(self, key: str, *, most_age_s: float) -> Cached | None:
        return None if key.startswith("refused") else self.entries.get(key)


_WARM = WarmCache(clock=SystemClock())


class Story:
    """One account, one project, one bench."""

    def __init__(self, aws: Account, home: Path) -> None:
        self.account = aws
        self.world = aws.world
        self.script = aws.script
        self.home = home
        self.project = make_project(home)
        self.events: list[Event] = []
        self.settings: dict[str, str] = {}  # AWS_RUN_… variables of the user's
        self._salts = itertools.count(0x1000)
        self.cache: Cache = _WARM  # of the catalogue and the price list
        self.quotas = MemoryCache(clock=self.clock())
        self.kept = MemoryCache(clock=self.clock())  # what this machine keeps of the account's runs
        self.context = self.new_bench()

    def clock(self) -> WorldClock:
        return WorldClock(self.account)

    def new_bench(self, **changes: Any) -> AppContext:
        """That of another terminal: nothing in memory is shared."""
        clock = self.clock()
        aws = Aws(region=self.account.local.region, clock=clock)
        prices = AwsPrices(aws, self.cache, clock)
        context = AppContext(
            aws=aws,
            clock=clock,
            emit=self.events.append,
            backends={
                "ec2": Ec2Backend(
                    aws, clock, catalogue=Ec2Catalogue(aws, self.cache), prices=prices, cache=self.quotas
                ),
                "fargate": FargateBackend(aws, clock, prices=prices),
            },
            builder=lambda: ProcessBuilder(self.account.local),
            storage=lambda name: compose.storage(aws, name),
            salt=lambda: f"{next(self._salts):04x}",
            poll_s=0.5,
            cache=lambda: self.kept,
        )
        return replace(context, **changes)

    def config(self, *args: str, **flags: Any) -> Config:
        given = {"input": str(self.home / "data"), "output": str(self.home / "out"), "args": args, **flags}
        return load_config(self.project, file=None, flags=given, environ=self.settings)

    def submit(self, *args: str, context: AppContext | None = None, detach: bool = False, **flags: Any) -> SubmitResult:
        """`args` go to the script; `flags` as on the command line."""
        return submit(self.config(*args, **flags), context or self.context, show_plan=lambda plan: None, detach=detach)

    # -- faults ---------------------------------------------------------------------------------------------------

    def on_call(self, name: str, answer: Answer, *, times: int | None = 1, skip: int = 0) -> None:
        """`answer` in place of AWS for `times` calls of that name, after `skip` of them. REST calls (method and path) and
        names that end in `*` are told by their beginning.
        """
        beginning = name.rstrip("*") if " " in name or name.endswith("*") else None
        turns = itertools.count()

        def listener(seen: Happened, call: Call) -> Reply | None:
            done = f"{seen.service}:{seen.operation}"
            if not (done == name if beginning is None else done.startswith(beginning)):
                return None
            turn = next(turns) - skip
            return answer(seen, call) if turn >= 0 and (times is None or turn < times) else None

        self.script.on_call.append(listener)

    def refuse(self, name: str, code: str, message: str = "as a test wants it", **which: Any) -> None:
        """AWS refuses the call with `code`; status 400, which botocore itself does not try again."""
        self.on_call(name, lambda seen, call: call.refuse(Refusal(code, message)), **which)

    def lose(self, name: str, *, times: int = 1) -> None:
        """The call is carried out, and its answer never arrives."""
        app = self.account.embedded.app
        assert app is not None
        self.on_call(name, lambda seen, call: hang_up(call, app.dispatch(call)), times=times)

    # -- what came of it ------------------------------------------------------------------------------------------

    def operations(self) -> list[str]:
        return self.script.operations()

    def record(self, run_id: str | None = None) -> Record:
        """The newest run's, or the one of that id."""
        keys = sorted(key for key in self.account.stored() if key.endswith("/run.json"))
        wanted = f"runs/{run_id}/run.json" if run_id else keys[-1]
        return load(json.dumps(self.account.object(wanted)).encode())

    def outputs(self, folder: str = "out") -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.home / folder).glob("*")}

    def notices(self) -> list[str]:
        return [event.text for event in list(self.events) if isinstance(event, Notice)]

    def statuses(self) -> list[str]:
        return [event.status for event in list(self.events) if isinstance(event, StatusChanged)]


@contextmanager
def stories(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """For a fixture: `begin(no_capacity=("*",))` is a story in an account that is like that."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(story(home, monkeypatch, **options))


@contextmanager
def story(home: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Story]:
    """`options` as for the embedded AWS."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with account(home, **options) as aws:
        for name, value in aws.local.environment().items():
            monkeypatch.setenv(name, value)
        yield Story(aws, home)


def left_running(story: Story, backend: str = "ec2", **flags: Any) -> str:
    """A run whose job goes on; its id."""
    assert story.submit("--hang", backend=backend, detach=True, **flags).exit_code == 0
    story.account.until(story.account.running)
    return story.record().run_id


def clean(story: Story, run_id: str) -> Any:
    """`aws-run cleanup RUN` by a client of its own: what it removed."""
    return cleanup(story.new_bench(), run_id, None)[1]
