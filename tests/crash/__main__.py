"""The whole crash enumeration: every call of every scenario, before and after it. Prints N, 0, $0.00 when all is well.

usage: python -m tests.crash [--jobs N] [--every N] [--first N] [--aws-times] [SCENARIO…]
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.crash.points import SCENARIOS, WHENS, Point, Result, Scenario, attempt

_MORE_THAN_ANY = 400  # calls of one client


def enumerate_scenario(
    pool: ProcessPoolExecutor, scenario: Scenario, every: int, batch: int, begin: int = 1, *, aws_times: bool = False
) -> Iterator[Result]:
    """Until a client ends by itself before its n-th call, twice in a row: runs differ by a few calls (polling)."""
    ended = 0
    for first in range(begin, _MORE_THAN_ANY, batch * every):
        points = [
            Point(scenario=scenario, at=at, when=when, aws_times=aws_times)
            for at in range(first, first + batch * every, every)
            for when in WHENS
        ]
        for result in pool.map(attempt, points):
            if result.killed:
                ended = 0
            else:
                ended += 1
            if result.killed or result.trouble:
                yield result
            if ended == 2 * len(WHENS):
                return


def main() -> int:
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS, metavar="SCENARIO", help=", ".join(SCENARIOS))
    say = functools.partial(print, flush=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="only every n-th call")
    parser.add_argument("--first", type=int, default=1, help="the first of these calls")
    parser.add_argument("--aws-times", action="store_true", help="clusters and instances take as long to end as on AWS")
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    began, results = time.monotonic(), list[Result]()
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for scenario in options.scenarios:
            mine: list[Result] = []
            for result in enumerate_scenario(
                pool, scenario, options.every, batch=4, begin=options.first, aws_times=options.aws_times
            ):
                mine.append(result)
                if not result.clean:
                    say(f"{result.point} ({result.call}): {_fault(result)}")
            say(_line(scenario, mine))
            results += mine
    say(_line("total", results))
    say(f"{(time.monotonic() - began) / 60:.1f} min, {options.jobs} at a time")
    return 0 if results and all(result.clean for result in results) else 1


def _line(name: str, results: list[Result]) -> str:
    left = sum(len(result.left) + len(result.still_billing) for result in results)
    usd = sum(result.usd_after_deadline for result in results)
    odd = sum(not result.clean for result in results)
    said = f"{name:16} crash points tried: {len(results):4}   resources left: {left}"
    said += f"   billed after the deadline: ${usd:.2f}"
    return f"{said}   POINTS NOT CLEAN: {odd}" if odd else said


def _fault(result: Result) -> str:
    parts = [
        f"still bills: {', '.join(result.still_billing)}" if result.still_billing else "",
        f"${result.usd_after_deadline:.4f} after the deadline" if result.usd_after_deadline else "",
        f"left after gc: {', '.join(result.left)}" if result.left else "",
        f"gc ended with {result.gc_code}" if result.gc_code else "",
        result.trouble,
    ]
    return "; ".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
