"""One crash point: a client is killed at one of its AWS calls, and then nobody is there but AWS, and later `gc`.

The oracle is the account: what bills after the deadline, and what exists after one `gc` from a machine that knows
nothing.
"""

from __future__ import annotations

import atexit
import shutil
import signal
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tests.crash.account import AWS_TIMES, AWS_TIMES_S, Account, Finished, account, make_project

from aws_run.clock import parse_iso

TIMEOUT_S = 2 * 3600  # aws-run's default
LEASE_S = 20 * 60  # how long a machine of a further attempt waits for its task (docs/lifecycle.md)
# A job that hangs in spite of its deadline is ended by AWS this much later; one that ends by itself is counted without it.
MARGIN_S = 10 * 60 + 1  # records have whole seconds
Scenario = Literal["submit-ec2", "submit-fargate", "submit-ec2-retry", "cleanup-ec2", "cleanup-fargate"]
SCENARIOS: tuple[Scenario, ...] = ("submit-ec2", "submit-fargate", "submit-ec2-retry", "cleanup-ec2", "cleanup-fargate")
WHENS = ("before", "after")


@dataclass(frozen=True, kw_only=True)
class Point:
    scenario: Scenario
    at: int | str  # the client's n-th AWS call, or its first of that name
    when: str
    aws_times: bool = False  # clusters and instances take as long to end as on AWS, in real time where somebody waits

    def __str__(self) -> str:
        return f"{self.scenario}: killed {self.when} call {self.at}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """`killed` False: the client had ended before it made that many calls."""

    point: Point
    killed: bool
    call: str  # the last one the account saw
    still_billing: tuple[str, ...]
    usd_after_deadline: float
    gc_code: int
    left: tuple[str, ...]
    trouble: str = ""

    @property
    def clean(self) -> bool:
        return not (self.still_billing or self.usd_after_deadline or self.gc_code or self.left or self.trouble)


_home: Path | None = None


def attempt(point: Point) -> Result:
    """For a worker process: one account at a time; the state folder (images, environments) is kept between points."""
    global _home
    if _home is None:
        _home = Path(tempfile.mkdtemp(prefix="crash-"))
        atexit.register(shutil.rmtree, _home, ignore_errors=True)
    return try_point(_home, point)


def try_point(home: Path, point: Point) -> Result:
    """Kills a client at `point` in a fresh account; `home` may be used again."""
    backend = point.scenario.split("-")[1]
    project = make_project(home)
    submit = ("submit", project, "-i", home / "data", "-o", home / "out", "--backend", backend)
    with account(home, **(AWS_TIMES if point.aws_times else {})) as aws:
        began = aws.now()
        if point.scenario == "submit-ec2-retry":
            killed = _killed_while_trying_again(aws, home, point, *submit)
            # A machine that nobody sent a task to has its lease; one with a task goes when that has ended.
            deadline = aws.now() + timedelta(seconds=LEASE_S + 1)
        elif point.scenario.startswith("submit"):
            killed = aws.run(*submit, kill=(point.at, point.when))
            deadline = began + timedelta(seconds=TIMEOUT_S)
        else:
            # A job that would never end: the cleanup has something to stop as well as something to remove.
            accepted = aws.run(*submit, "--detach", "--json", "--", "--hang")
            if accepted.code:
                return _broken(point, f"submit --detach: {accepted.stderr}")
            aws.until(aws.running)
            run_id = aws.run_id()
            aws.script.happened.clear()
            killed = aws.run("cleanup", run_id, kill=(point.at, point.when))
            deadline = parse_iso(aws.object(f"runs/{run_id}/run.json")["deadline"]) + timedelta(seconds=MARGIN_S)
        call = (aws.script.operations() or ["none"])[-1]
        if killed.code != -signal.SIGKILL:
            return _broken(point, "" if killed.code == 0 else killed.stderr, killed=False)
        if point.scenario.startswith("submit"):
            aws.wait_for_tasks()
        aws.advance(TIMEOUT_S + MARGIN_S + 60)
        billing = tuple(f"{line.kind} {line.id}" for line in aws.still_bills())
        usd = aws.usd_after(deadline)
        collected = aws.run("gc", XDG_STATE_HOME=str(home / "another-machine"))
        aws.advance(AWS_TIMES_S if point.aws_times else 0)
        return Result(
            point=point,
            killed=True,
            call=call,
            still_billing=billing,
            usd_after_deadline=usd,
            gc_code=collected.code,
            left=tuple(f"{kind} {name}" for kind, names in aws.left().items() for name in names),
            trouble=collected.stderr if collected.code else "; ".join(aws.world.errors),
        )


def _killed_while_trying_again(aws: Account, home: Path, point: Point, *submit: object) -> Finished:
    """AWS takes the machine of the first attempt away; the calls are counted from there. The next attempt's job ends by
    itself."""
    again = home / "again"
    again.unlink(missing_ok=True)
    child = aws.start(*submit, "--spot", "--", "--hang-until", again)
    aws.until(lambda: "copied" in aws.log())
    aws.kill_at(child, point.at, point.when)
    aws.interrupt()
    again.write_text("")
    return aws.finish(child)


def _broken(point: Point, trouble: str, *, killed: bool = True) -> Result:
    return Result(
        point=point, killed=killed, call="", still_billing=(), usd_after_deadline=0.0, gc_code=0, left=(),
        trouble=trouble,
    )  # fmt: skip
