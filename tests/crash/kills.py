"""Clients killed, or put to sleep for an hour, at any moment of the clock: a seed says when, and prints with the result.

usage: python -m tests.crash.kills [--times 10] [--seed N]

`make crash` dies at each call; this dies between them, in builds and uploads, and in the middle of a write. Where within a
client a moment falls is up to the machine's speed, but what is asked of every moment is the same: nothing bills after the
deadline, and nothing is left after one `gc` from a machine that knows nothing.
"""

from __future__ import annotations

import argparse
import functools
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.crash.account import Account, account, make_project

_TIMEOUT_S = 1800
_LONGEST_S = 6.0  # a client has usually ended by itself by then
_WAKES_WITHIN_S = 180


@dataclass(frozen=True, kw_only=True)
class Moment:
    """`sleeps`: it is stopped, an hour goes by, `gc` runs elsewhere, and it goes on. Else it is killed."""

    backend: str
    after_s: float
    sleeps: bool
    chaos_seed: int | None

    def __str__(self) -> str:
        chaos = "" if self.chaos_seed is None else f", chaos {self.chaos_seed}"
        return f"{self.backend}, {'asleep' if self.sleeps else 'killed'} after {self.after_s:.2f} s{chaos}"


def moments(seed: int, times: int) -> list[Moment]:
    dice = random.Random(seed)
    return [
        Moment(
            backend=dice.choice(("ec2", "fargate")),
            after_s=dice.uniform(0.2, _LONGEST_S),
            sleeps=dice.random() < 0.3,
            chaos_seed=dice.randrange(10**6) if dice.random() < 0.3 else None,
        )
        for _ in range(times)
    ]


def faults_of(home: Path, moment: Moment) -> list[str]:
    """What is wrong once it is over; nothing where all is well."""
    project = make_project(home)
    with account(home, chaos_seed=moment.chaos_seed) as aws:
        submit = ("submit", project, "-i", home / "data", "-o", home / "out", "--backend", moment.backend)
        child = aws.start(*submit, "--timeout", f"{_TIMEOUT_S}s")
        try:
            child.communicate(timeout=moment.after_s)
        except subprocess.TimeoutExpired:
            wrong = _sleep(aws, home, child) if moment.sleeps else _kill(child)
        else:
            wrong = []
        aws.wait_for_tasks()
        aws.advance(_TIMEOUT_S + 3600)
        wrong += [f"still bills: {line.kind} {line.id}" for line in aws.still_bills()]
        # Under chaos one gc may itself be refused something; the next is not.
        aws.script.chaos_seed = None
        collected = aws.run("gc", XDG_STATE_HOME=str(home / "another-machine"))
        if collected.code:
            wrong.append(f"gc ended with {collected.code}: {collected.stderr[-800:]}")
        wrong += [f"left: {kind} {', '.join(names)}" for kind, names in aws.left().items()]
        return [*wrong, *aws.world.errors]


def _kill(child: subprocess.Popen[str]) -> list[str]:
    child.kill()
    child.communicate()
    return []


def _sleep(aws: Account, home: Path, child: subprocess.Popen[str]) -> list[str]:
    child.send_signal(signal.SIGSTOP)
    try:
        aws.wait_for_tasks()
        aws.advance(3600)
        aws.run("gc", XDG_STATE_HOME=str(home / "another-machine"))
    finally:
        child.send_signal(signal.SIGCONT)
    try:
        _, complained = child.communicate(timeout=_WAKES_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return ["it did not end after it woke"]
    return [f"itself failed: {complained[-800:]}"] if "itself failed" in complained else []


def main() -> int:
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, which is printed")
    options = parser.parse_args()
    say = functools.partial(print, flush=True)
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    say(f"seed {seed}")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        for moment in moments(seed, options.times):
            wrong = faults_of(Path(folder), moment)
            bad += bool(wrong)
            say(f"{moment}: {'; '.join(wrong) or 'clean'}")
    say(f"moments tried: {options.times}   not clean: {bad}   again with: python -m tests.crash.kills --seed {seed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
