"""Many submits of a few projects at once, while AWS throttles, fails and loses answers: a fixed seed.

usage: python -m tests.crash.soak [--submits 30] [--at-once 30] [--seed 7] [--aws-times]

Each must end with its own exit code and outputs, nothing may be left, and no run may have changed what is another's.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.crash.account import AWS_TIMES, AWS_TIMES_S, Account, Finished, account, make_project

PROJECTS = ("alpha", "beta", "gamma")
_RUN_ID = re.compile(r"(?:alpha|beta|gamma)-\d{8}-\d{6}-[0-9a-f]{4}")
_READS = re.compile(r"^(Describe|List|Get|BatchGet|GET|HEAD)")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One submit; its access key tells its calls from all others."""

    number: int

    @property
    def project(self) -> str:
        return PROJECTS[self.number % len(PROJECTS)]

    @property
    def backend(self) -> str:
        return "ec2" if self.number % 2 else "fargate"

    @property
    def exit_code(self) -> int:
        return 7 if self.number % 5 == 4 else 0

    @property
    def access_key(self) -> str:
        return f"AKIASOAK{self.number:012}"


@dataclass(frozen=True, kw_only=True)
class Report:
    submits: int
    wrong: tuple[str, ...]
    left: dict[str, list[str]]
    strangers: tuple[str, ...]  # calls that changed what belongs to another run
    calls: int
    seconds: float

    @property
    def clean(self) -> bool:
        return not (self.wrong or self.left or self.strangers)


def soak(home: Path, *, submits: int, at_once: int, seed: int, aws_times: bool = False) -> Report:
    for name in PROJECTS:
        make_project(home / name, name)
        (home / name / "data" / "who.txt").write_text(name)
    began = time.monotonic()
    asked = [Asked(number=number) for number in range(submits)]
    with account(home, chaos_seed=seed, **(AWS_TIMES if aws_times else {})) as aws:
        with ThreadPoolExecutor(at_once) as pool:
            ended = list(pool.map(lambda one: _submit(aws, home, one), asked))
        wrong = [said for one, done in zip(asked, ended, strict=True) if (said := _fault(home, one, done))]
        aws.advance(AWS_TIMES_S if aws_times else 0)
        return Report(
            submits=submits,
            wrong=tuple(wrong),
            left=aws.left(),
            strangers=tuple(_strangers(aws)),
            calls=len(aws.script.happened),
            seconds=time.monotonic() - began,
        )


def _submit(aws: Account, home: Path, one: Asked) -> Finished:
    folder = home / one.project
    aws.world.keys.add_user(one.access_key, aws.local.secret_key)
    return aws.run(
        "submit", folder / one.project, "-i", folder / "data", "-o", home / f"out-{one.number}", "--backend",
        one.backend, "--", "--fail", one.exit_code, AWS_ACCESS_KEY_ID=one.access_key,
    )  # fmt: skip


def _fault(home: Path, one: Asked, done: Finished) -> str:
    """What is wrong with it, empty when nothing is."""
    got = {path.name: path.read_text() for path in (home / f"out-{one.number}").glob("*")}
    wanted = {path.name: path.read_text().upper() for path in (home / one.project / "data").iterdir()}
    if done.code != one.exit_code:
        return f"{one}: ended with {done.code}: {done.stderr[-1500:]}"
    return "" if got == wanted else f"{one}: its outputs are {got}"


def _strangers(aws: Account) -> list[str]:
    """Whose run it is, is told by the first record written with its key; every change by that key must be about it."""
    own: dict[str, str] = {}
    found = []
    for seen in aws.script.happened:
        if not seen.access_key.startswith("AKIASOAK") or _READS.match(seen.operation):
            continue
        named = set(_RUN_ID.findall(seen.text))
        if seen.access_key not in own and seen.operation.startswith("PUT") and seen.operation.endswith("/run.json"):
            own[seen.access_key] = next(iter(named))
        others = {run for run in named if run != own.get(seen.access_key, run)}
        if others:
            found.append(f"{own[seen.access_key]}: {seen.operation} of {', '.join(sorted(others))}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--submits", type=int, default=30)
    parser.add_argument("--at-once", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--aws-times", action="store_true", help="clusters and instances take as long to end as on AWS")
    options = parser.parse_args()
    say = functools.partial(print, flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        report = soak(
            Path(folder), submits=options.submits, at_once=options.at_once, seed=options.seed,
            aws_times=options.aws_times,
        )  # fmt: skip
    for line in (*report.wrong, *report.strangers):
        say(line)
    say(
        f"submits: {report.submits} of {len(PROJECTS)} projects, {options.at_once} at once, seed {options.seed}   "
        f"wrong: {len(report.wrong)}   left: {report.left or 0}   calls on another's resources: {len(report.strangers)}"
    )
    say(f"{report.calls} AWS calls, {report.seconds:.0f} s")
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
