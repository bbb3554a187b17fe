"""Eight stories that a stranger's account is put through, each with the most that it may cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.smoke.budget import Budget

PROJECT = "smoke"
ROOT = Path(__file__).resolve().parents[2]
_COMMAND_S = 45 * 60
SCRIPT = """
import argparse, pathlib, shutil, time
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.add_argument("--seconds", type=float, default=5)  # long enough to be seen running
options = parser.parse_args()
print("copying", len(list(pathlib.Path(options.i).iterdir())), "files", flush=True)
shutil.copytree(options.i, options.o, dirs_exist_ok=True)
time.sleep(options.seconds)
"""
DATA = {"a.txt": "one\n", "b/c.txt": "two\n"}


class Failed(Exception):
    """A story did not go as it should."""


class LeftOut(Exception):
    """It can't be told on this account."""


@dataclass(frozen=True)
class Done:
    """One command that ended. `result`: its JSON."""

    code: int
    result: Mapping[str, Any]
    text: str

    @property
    def run_id(self) -> str:
        return str(self.result.get("run_id") or "")

    @property
    def cost_usd(self) -> Decimal | None:
        """By its receipt; None where there is none, or one without a price."""
        receipt = self.result.get("receipt") or {}
        total = receipt.get("total_usd")
        return None if total is None else Decimal(str(total))


class Teller:
    """Runs commands for one account: `environ` says which. All that they were answered is in `trace`."""

    def __init__(self, home: Path, environ: Mapping[str, str], *, fresh: bool = True) -> None:
        self.home = home
        self.fresh = fresh  # aws-run has never been in this region
        self.trace = home / "trace.jsonl"
        self.project = home / PROJECT
        self.out = home / "out"
        self._environ = {**environ, "PYTHONPATH": str(ROOT)}
        self.project.mkdir(parents=True)
        (self.project / "main.py").write_text(SCRIPT)
        for name, text in DATA.items():
            path = home / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.trace.touch()

    def calls(self) -> list[dict[str, Any]]:
        """All answers so far, oldest first."""
        return [json.loads(line) for line in self.trace.read_text().splitlines() if line.endswith("}")]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.smoke.recorded", str(self.trace), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=self.project,
            env=self._environ,
        )  # fmt: skip

    def run(self, *arguments: str) -> Done:
        name, *others = arguments
        child = self.start(name, "--json", *others)
        try:
            out, errors = child.communicate(timeout=_COMMAND_S)
        except BaseException:
            child.kill()
            child.communicate()
            raise
        try:
            result = json.loads(out)
        except ValueError:
            result = {}
        return Done(child.returncode, result if isinstance(result, dict) else {}, f"{out}\n{errors}")

    def submit(self, *options: str, most_usd: Decimal, job: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The arguments of one; its cap holds whatever becomes of this machine."""
        return (
            "submit", ".", "-n", PROJECT, "-i", str(self.home / "data"), "-o", str(self.out), "--timeout", "15m",
            "--max-cost", f"{most_usd:f}", *options, *(("--", *job) if job else ()),
        )  # fmt: skip

    def copied(self) -> bool:
        return all((self.out / name).is_file() and (self.out / name).read_text() == text for name, text in DATA.items())

    def clear_output(self) -> None:
        for name in DATA:
            (self.out / name).unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Story:
    """`tell` returns what it cost; None where nobody knows."""

    name: str
    most_usd: Decimal
    tell: Callable[[Teller, Decimal], Decimal | None]


@dataclass(frozen=True, kw_only=True)
class Told:
    """`outcome`: ok, failed, left out. `cost_usd` None: unknown, and counted as the most."""

    name: str
    outcome: str
    why: str = ""
    calls: int = 0
    seconds: float = 0.0
    cost_usd: Decimal | None = None
    most_usd: Decimal = Decimal(0)


def tell(story: Story, teller: Teller, budget: Budget) -> Told:
    """Whatever happens in it is its outcome. A story for which the money does not last is left out."""
    if not budget.reserve(story.most_usd):
        why = f"it may cost ${story.most_usd}, and ${budget.limit_usd - budget.spent_usd:.4f} of the budget is left"
        return Told(name=story.name, outcome="left out", why=why, most_usd=story.most_usd)
    before, began = len(teller.calls()), time.monotonic()
    outcome, why, cost = "ok", "", None
    try:
        cost = story.tell(teller, story.most_usd)
    except LeftOut as error:
        outcome, why, cost = "left out", str(error), Decimal(0)
    except Exception as error:  # noqa: BLE001 - the next story, and the removal at the end, are told all the same
        outcome, why = "failed", f"{type(error).__name__}: {error}"
    budget.settle(story.most_usd, cost)
    return Told(
        name=story.name,
        outcome=outcome,
        why=why,
        calls=len(teller.calls()) - before,
        seconds=time.monotonic() - began,
        cost_usd=cost,
        most_usd=story.most_usd,
    )


def _submitted(teller: Teller, most_usd: Decimal, *options: str) -> Decimal | None:
    teller.clear_output()
    done = teller.run(*teller.submit(*options, most_usd=most_usd))
    if done.code != 0:
        raise Failed(f"exit code {done.code}: {_last(done)}")
    if not teller.copied():
        raise Failed("the results are not what the job wrote")
    return done.cost_usd


def _last(done: Done) -> str:
    """What it said last."""
    message = done.result.get("message") or done.result.get("status")
    return str(message or " / ".join(done.text.split("\n")[-6:]))


def first(teller: Teller, most_usd: Decimal) -> Decimal | None:
    """In a region where aws-run has never been: bucket, repository, roles and image are made."""
    if not teller.fresh:
        raise LeftOut("aws-run has been in this region before")
    return _submitted(teller, most_usd, "--backend", "fargate")


def fargate(teller: Teller, most_usd: Decimal) -> Decimal | None:
    return _submitted(teller, most_usd, "--backend", "fargate")


def fargate_spot(teller: Teller, most_usd: Decimal) -> Decimal | None:
    return _submitted(teller, most_usd, "--backend", "fargate", "--spot")


def ec2_spot(teller: Teller, most_usd: Decimal) -> Decimal | None:
    return _submitted(teller, most_usd, "--backend", "ec2", "--spot")


def gpu(teller: Teller, most_usd: Decimal) -> Decimal | None:
    arguments = teller.submit("--gpu", "1", most_usd=most_usd)
    planned = teller.run("plan", *arguments[1:])
    if planned.code != 0:
        raise LeftOut(_last(planned))
    return _submitted(teller, most_usd, "--gpu", "1")


def detach(teller: Teller, most_usd: Decimal) -> Decimal | None:
    """Left running, looked at, and cancelled before its end."""
    job = ("--seconds", "600")
    done = teller.run(*teller.submit("--backend", "fargate", "--detach", most_usd=most_usd, job=job))
    if done.code != 0 or not done.run_id:
        raise Failed(f"exit code {done.code}: {_last(done)}")
    looked = teller.run("status", done.run_id, "-n", PROJECT)
    ended = teller.run("cancel", done.run_id, "-n", PROJECT)
    if looked.code != 0 or ended.code not in (0, 130):
        raise Failed(f"status {looked.code}, cancel {ended.code}: {_last(ended)}")
    return None


def collected(teller: Teller, most_usd: Decimal) -> Decimal | None:
    """The client is killed once its task was accepted; when the task has ended, gc removes what is left."""
    before = len(teller.calls())
    child = teller.start(*teller.submit("--backend", "fargate", most_usd=most_usd))
    try:
        _wait(lambda: any(_accepted(call) for call in teller.calls()[before:]) or child.poll() is not None)
    finally:
        child.kill()
        child.communicate()

    def gone() -> bool:
        done = teller.run("gc")
        if done.code not in (0, 1, 125):
            raise Failed(f"exit code {done.code}: {_last(done)}")
        return not any(run["run_id"].startswith(f"{PROJECT}-") and not run["removable"] for run in _runs(done))

    _wait(gone)
    return None


def _accepted(call: Mapping[str, Any]) -> bool:
    return call["operation"] == "RunTask" and bool(call.get("members"))


def _runs(done: Done) -> list[Mapping[str, Any]]:
    return list(done.result.get("runs") or ())


def _wait(check: Callable[[], bool], *, for_s: float = 20 * 60) -> None:
    until = time.monotonic() + for_s
    while not check():
        if time.monotonic() > until:
            raise Failed(f"it did not come to that within {for_s / 60:.0f} minutes")
        time.sleep(1)


def destroyed(teller: Teller, most_usd: Decimal) -> Decimal | None:
    done = teller.run("destroy", "--everything", "--yes", "-n", PROJECT)
    if done.code != 0:
        raise Failed(f"exit code {done.code}: {_last(done)}")
    return Decimal(0)


STORIES = (
    Story(name="first run in a fresh region", most_usd=Decimal("0.10"), tell=first),
    Story(name="Fargate, unchanged", most_usd=Decimal("0.10"), tell=fargate),
    Story(name="Fargate Spot", most_usd=Decimal("0.10"), tell=fargate_spot),
    Story(name="EC2 Spot", most_usd=Decimal("0.20"), tell=ec2_spot),
    Story(name="GPU", most_usd=Decimal("0.60"), tell=gpu),
    Story(name="detach and kill", most_usd=Decimal("0.10"), tell=detach),
    Story(name="gc", most_usd=Decimal("0.10"), tell=collected),
    Story(name="destroy", most_usd=Decimal("0.00"), tell=destroyed),
)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the user's own defaults for aws-run."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_RUN_") and name != "PYTHONPATH"}


def here() -> dict[str, str]:
    return environment(os.environ)
