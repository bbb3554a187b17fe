"""The table of faults: every AWS operation of a command, spoiled once in every way. Writes docs/fault-table.md.

usage: python -m tests.crash.faults [--jobs N] [--every N] [--together N] [--seed N] [--write] [--keep FILE]
                                    [--scenarios A,B] [--faults A,B]

Operations that are far apart are spoiled in one and the same run, each once. A run that is not clean, or does not end as an
undisturbed one, says nothing about any of them: each is then tried alone, and so is one that the run did not come to.

What happens to the client is seen in its exit code and in what it prints; what is left and what bills is read off the
account itself, after one `gc` from a machine that knows nothing.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import json
import multiprocessing
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from moto.ec2.models.amis import Ami, AmiBackend
from tests.crash.account import Account, Finished, Happened, account, make_project
from tests.crash.forkserver import ForkServer
from tests.crash.points import MARGIN_S, TIMEOUT_S

from aws_run.local.http.protocol import Call, Reply
from aws_run.local.testing.faults import How, spoil

# A command, and where its run is; in one subnet the machine comes by LaunchInstances.
Scenario = Literal[
    "submit-ec2", "submit-ec2-subnet", "submit-fargate", "cancel-ec2", "cancel-fargate", "cleanup-ec2",
    "cleanup-fargate", "gc-ec2", "gc-fargate",
]  # fmt: skip
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
ANSWERS: tuple[How, ...] = ("cut-body", "garbled", "redirect", "captive-portal")
FAULTS: tuple[How, ...] = (*ANSWERS, *(how for how in get_args(How) if how not in (*ANSWERS, "denied")))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "fault-table.md"
_RUN = re.compile(r"tiny-\d{8}-\d{6}-[0-9a-f]{4}")
_WAY_BACK = re.compile(rf"aws-run (cleanup|wait) {_RUN.pattern}|to finish the job by hand|aws-run gc")
_OF_THE_CACHE = re.compile(r" (ec2:DescribeInstanceType|pricing:)")  # what clients keep from one run to the next
_BUCKET = re.compile(r"/arun-\d{12}-[a-z0-9-]+?-an(?=/|$)")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`operation` with the part of the run's life that it belongs to, as `Calls` names it."""

    scenario: Scenario
    operation: str
    how: How

    def __str__(self) -> str:
        return f"{self.scenario}: {self.how} at {self.operation}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """`happened` False: this time the command made no such call. `kept_going`: the run was left to go on, by a sentence."""

    cell: Cell
    happened: bool
    exit_code: int
    traceback: bool = False
    itself_failed: bool = False
    way_back: bool = True  # a command that leaves anything behind says what to type next
    left: tuple[str, ...] = ()
    usd_after_deadline: float = 0.0
    message: str = ""
    together: int = 1  # so many operations were spoiled in that run

    @property
    def undisturbed(self) -> bool:
        return self.clean and self.exit_code == 0

    @property
    def clean(self) -> bool:
        return self.way_back and not (self.traceback or self.itself_failed or self.left or self.usd_after_deadline)


class Calls:
    """Names the calls of one command: those of its start, those while the job runs, those of its end."""

    def __init__(self) -> None:
        self._part = "start"
        self.names: dict[str, None] = {}

    def name(self, seen: Happened, call: Call) -> str:
        operation = seen.operation
        if " " in operation:  # a REST call: what it is about, without the names of this run
            subresource = next(iter(call.query), "")
            operation = _RUN.sub("RUN", _BUCKET.sub("BUCKET", operation)) + (f"?{subresource}" if subresource else "")
        name = f"{self._part} {seen.service}:{operation}"
        if operation == "RunTask":
            self._part = "job"
        elif operation.endswith("/log.txt") and seen.operation.startswith("PUT"):
            self._part = "end"
        self.names[name] = None
        return name


def _machine_images_once() -> None:
    """moto makes each new account two thousand machine images, in half a second of processor time: from here on once."""
    make, made = AmiBackend._load_amis, dict[str, dict[str, Ami]]()

    def load(backend: AmiBackend) -> None:
        region = str(backend.region_name)  # type: ignore[attr-defined]
        if region not in made:
            make(backend)
            made[region] = backend.amis
        backend.amis = dict(made[region])

    AmiBackend._load_amis = load  # type: ignore[method-assign, assignment]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where accounts are made one after the other, at one address: what clients keep between runs is used again."""

    home: Path
    clients: ForkServer | None = None  # None: each client is a new process from its first instruction on
    port: int = 0

    def account(self) -> AbstractContextManager[Account]:
        return account(self.home, clients=self.clients, port=self.port)


@functools.cache
def _bench() -> Bench:
    """This process's own."""
    _machine_images_once()
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    clients = ForkServer()
    atexit.register(clients.close)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Bench(home=home, clients=clients, port=port)


def operations_here(scenario: Scenario) -> list[str]:
    """For a worker process."""
    return operations(_bench(), scenario)


def attempt(cells: Sequence[Cell]) -> list[Result]:
    """For a worker process: one account at a time. `cells` are of one scenario, and each of another operation."""
    return tried(functools.partial(try_cells, _bench()), cells)


def tried(attempt_together: Callable[[Sequence[Cell]], list[Result]], cells: Sequence[Cell]) -> list[Result]:
    """All in one run where that shows what each does; else the rest one by one."""
    results = attempt_together(cells)
    if len(cells) == 1:
        return results
    shown = [result for result in results if result.happened and result.undisturbed]
    rest = [result.cell for result in results if not (result.happened and result.undisturbed)]
    return [*shown, *(result for cell in rest for result in attempt_together([cell]))]


def operations(bench: Bench, scenario: Scenario) -> list[str]:
    """Every operation that the scenario's command makes when nothing goes wrong, in their order; on a machine on which it
    has never run."""
    _forget(bench)
    with bench.account() as aws, _prepared(aws, bench.home, scenario) as (command, _):
        calls = Calls()

        def note(seen: Happened, call: Call) -> None:
            calls.name(seen, call)

        aws.script.on_call.append(note)
        done = command()
        assert done.code == 0, done.stderr
        return list(calls.names)


def _forget(bench: Bench) -> None:
    """Clients have AWS's catalogue and price list from AWS again."""
    shutil.rmtree(bench.home / "cache", ignore_errors=True)


def try_cell(bench: Bench, cell: Cell) -> Result:
    """The scenario's command in a fresh account, one of its calls spoiled."""
    (result,) = try_cells(bench, [cell])
    return result


def try_cells(bench: Bench, cells: Sequence[Cell]) -> list[Result]:
    """The scenario's command in a fresh account, one call of each operation spoiled; what came of it, for each."""
    if any(_OF_THE_CACHE.search(cell.operation) for cell in cells):
        _forget(bench)
    with bench.account() as aws, _prepared(aws, bench.home, cells[0].scenario) as (command, deadline):
        app, calls, spoiled = aws.embedded.app, Calls(), set[str]()
        assert app is not None
        hows = {cell.operation: cell.how for cell in cells}

        def spoils(seen: Happened, call: Call) -> Reply | None:
            operation = calls.name(seen, call)
            if operation not in hows or operation in spoiled:
                return None
            spoiled.add(operation)
            return spoil(call, hows[operation], lambda: app.dispatch(call))

        aws.script.on_call.append(spoils)
        done = command()
        aws.script.on_call.clear()
        result = _judged(aws, bench.home, cells[0], done, deadline=deadline)
        return [replace(result, cell=cell, happened=cell.operation in spoiled, together=len(cells)) for cell in cells]


def _judged(aws: Account, home: Path, cell: Cell, done: Finished, *, deadline: datetime) -> Result:
    usd, behind = 0.0, bool(aws.left() or aws.still_bills())
    if behind:
        aws.wait_for_tasks(120)
        aws.advance(TIMEOUT_S + MARGIN_S + 60)
        usd = aws.usd_after(deadline)
        aws.run("gc", XDG_STATE_HOME=str(home / "another-machine"))
    left = tuple(f"{kind} {name}" for kind, names in aws.left().items() for name in names)
    return Result(
        cell=cell,
        happened=True,
        exit_code=done.code,
        traceback="Traceback" in done.stderr,
        itself_failed="itself failed" in done.stderr,
        way_back=done.code == 0 or not behind or _WAY_BACK.search(done.stderr) is not None,
        left=(*left, *(f"bills: {line.kind} {line.id}" for line in aws.still_bills())),
        usd_after_deadline=usd,
        message=done.stderr[-1500:] if done.code else "",
    )  # fmt: skip


@contextmanager
def _prepared(aws: Account, home: Path, scenario: Scenario):  # type: ignore[no-untyped-def]
    """(the command whose calls are spoiled, when its run is to have ended)."""
    command, backend, *subnet = scenario.split("-")
    shutil.rmtree(home / "out", ignore_errors=True)
    project = make_project(home)
    # This Python, so that no other one is looked for.
    (project / ".python-version").write_text(f"{sys.version_info.major}.{sys.version_info.minor}\n")
    submit: list[object] = ["submit", project, "-i", home / "data", "-o", home / "out", "--backend", backend]
    if subnet:
        submit += ["--subnets", aws.world.moto("ec2", aws.local.region).describe_subnets()[0].id]
    deadline = aws.now() + timedelta(seconds=TIMEOUT_S + MARGIN_S)
    run: Callable[[], Finished]
    if command == "submit":
        run = functools.partial(aws.run, *submit)
    elif command == "gc":
        died = aws.run(*submit, kill=("ecs:RunTask", "after"))
        assert died.code == -signal.SIGKILL, died.stderr
        aws.wait_for_tasks()
        aws.advance(TIMEOUT_S + MARGIN_S + 60)
        deadline = aws.now()  # what it had to pay for until now is the dead client's
        run = functools.partial(aws.run, "gc")
    else:
        accepted = aws.run(*submit, "--detach", "--", "--hang")
        assert accepted.code == 0, accepted.stderr
        aws.until(aws.running)
        run = functools.partial(aws.run, command, aws.run_id())
    aws.script.on_call.clear()
    yield run, deadline


# -- the table ----------------------------------------------------------------------------------------------------


def page(results: Sequence[Result]) -> str:
    """The results as a page of the documentation."""
    counted = [result for result in results if result.happened]
    kinds = {(result.cell.scenario, result.cell.operation) for result in counted}
    faults = [how for how in FAULTS if any(result.cell.how == how for result in counted)]
    lines = [
        "# What a broken answer does",
        "",
        "Made by `make faults` (tests/crash/faults.py): each AWS operation of a command is spoiled once, in each way, in a",
        "fresh account. Some that are far apart are spoiled in one run; where such a run is not clean, and for what it did not",
        "come to, each is tried alone. A number is the exit code of the command; `·`: not tried. *start*, *job* and *end* are",
        "the parts of a run in which the operation is called for the first time. `cut-body`: the answer breaks off. `garbled`:",
        "a whole 200 with half of the content. `redirect`, `captive-portal`: a login page answers in AWS's place.",
        "`…-before`, `…-after`: before or after the call was carried out.",
        "",
        f"- operations: {len(kinds)}, faults: {len(faults)}, tried: {len(counted)} of {len(kinds) * len(faults)}",
        f"- of these alone in their run: {sum(result.together == 1 for result in counted)}",
        f"- ended with the exit code of an undisturbed command: {sum(result.exit_code == 0 for result in counted)}",
        f"- tracebacks: {sum(result.traceback for result in counted)}",
        f"- \"itself failed\": {sum(result.itself_failed for result in counted)}",
        f"- left something behind and did not say what to type next: {sum(not result.way_back for result in counted)}",
        f"- billed after the deadline: ${sum(result.usd_after_deadline for result in counted):.2f}",
        f"- left after one `gc`: {sum(len(result.left) for result in counted)}",
    ]  # fmt: skip
    for scenario in SCENARIOS:
        mine = [result for result in counted if result.cell.scenario == scenario]
        if mine:
            lines += ["", f"## {scenario}", "", *_rows(mine, faults)]
    return "\n".join(lines) + "\n"


def _rows(results: Sequence[Result], faults: Sequence[How]) -> list[str]:
    codes = {(result.cell.operation, result.cell.how): _mark(result) for result in results}
    names = list(dict.fromkeys(result.cell.operation for result in results))
    head = ["| operation | " + " | ".join(faults) + " |", "|---|" + "---|" * len(faults)]
    return head + [
        f"| `{name}` | " + " | ".join(codes.get((name, how), "·") for how in faults) + " |" for name in names
    ]


def _mark(result: Result) -> str:
    return str(result.exit_code) if result.clean else f"**{result.exit_code}**"


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="only every n-th operation")
    parser.add_argument("--together", type=int, default=10, help="so many operations at most are spoiled in one run")
    parser.add_argument("--seed", type=int, help="chance says which operations share a run and which fault comes first")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--keep", type=Path, help="a file of results, one a line: what it has is not tried again")
    options = parser.parse_args()
    say = functools.partial(print, flush=True)
    began, results = time.monotonic(), _kept(options.keep)
    known = {result.cell for result in results}
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        scenarios = options.scenarios.split(",")
        made = _remembered(options.keep, scenarios, lambda: pool.map(operations_here, scenarios))
        names = [(scenario, name) for scenario in scenarios for name in made[scenario][:: options.every]]
        places = {name: place for place, name in enumerate(names)}
        if options.seed is not None:
            random.Random(options.seed).shuffle(names)
        for turn in _turns(names, options.faults.split(",")):
            groups = _groups([cell for cell in turn if cell not in known], options.together)
            for done in as_completed([pool.submit(attempt, group) for group in groups]):
                for result in done.result():
                    results.append(result)
                    _keep(options.keep, result)
                    if not result.undisturbed:
                        say(f"{result.cell}: exit {result.exit_code}; {result.left or ''} {result.message[-600:]}")
            say(f"{len(results)} cells, {(time.monotonic() - began) / 60:.1f} min")
    results = [result for result in results if result.cell.how in options.faults.split(",")]
    results.sort(key=lambda result: places.get((result.cell.scenario, result.cell.operation), len(places)))
    text = page(results)
    say(text.split("\n## ", 1)[0])
    if options.write:
        PAGE.write_text(text)
    return 0 if results and all(result.clean for result in results) else 1


def _turns(names: Sequence[tuple[Scenario, str]], faults: Sequence[How]) -> Iterator[list[Cell]]:
    """In the first turn each operation meets one fault, in the next one another: a run that is cut short has tried all
    operations and all faults."""
    for turn in range(len(faults)):
        yield [
            Cell(scenario=scenario, operation=name, how=faults[(index + turn) % len(faults)])
            for index, (scenario, name) in enumerate(names)
        ]


def _groups(cells: Sequence[Cell], most: int) -> list[list[Cell]]:
    """Of one scenario each, and as far apart in its run as can be."""
    groups = []
    for scenario in dict.fromkeys(cell.scenario for cell in cells):
        mine = [cell for cell in cells if cell.scenario == scenario]
        count = -(-len(mine) // most)
        groups += [mine[first::count] for first in range(count)]
    return groups


def _remembered(
    keep: Path | None, scenarios: Sequence[Scenario], make: Callable[[], Iterator[list[str]]]
) -> dict[Scenario, list[str]]:
    """The operations of each scenario, from beside the results that are kept where they have been listed before."""
    file = None if keep is None else keep.with_suffix(".operations.json")
    if file is not None and file.exists():
        remembered: dict[Scenario, list[str]] = json.loads(file.read_text())
        return remembered
    made = dict(zip(scenarios, make(), strict=True))
    if file is not None:
        file.write_text(json.dumps(made))
    return made


def _kept(file: Path | None) -> list[Result]:
    if file is None or not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [Result(**{**line, "cell": Cell(**line["cell"]), "left": tuple(line["left"])}) for line in lines]


def _keep(file: Path | None, result: Result) -> None:
    if file is not None:
        with file.open("a") as out:
            out.write(json.dumps(asdict(result)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
