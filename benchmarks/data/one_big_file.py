"""One file of 5 GiB up and down with our engine: seconds, and the peak memory of all its processes together.

    .venv/bin/python benchmarks/data/one_big_file.py [--gib 5] [--work FOLDER]

Memory is the sum of the processes' proportional set sizes (PSS), so that pages they share count once.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import HERE, MIB, Case, build_stub, certificate, make_tree, serving
from engines import ENGINES, Place

BAR_MIB = 150


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gib", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where the file is made; twice its size is needed")
    asked = parser.parse_args()
    ours = ENGINES[0]
    case = Case(name="one", files=1, size=asked.gib * 1024 * MIB)
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="bench-data-", dir=asked.work) as folder:
        work = Path(folder)
        program, ca = work / "server", certificate(work)
        build_stub(program)
        make_tree(work / "one", case, random.Random(case.name))
        with serving(program, ca, ca.with_suffix(".key"), 0) as url:
            place = Place(url=url, ca=ca, tools=HERE)
            into = work / "out"
            for direction, command in (
                ("up", ours.up(place, "one/", work / "one")),
                ("down", ours.down(place, "one/", into)),
            ):
                began = time.monotonic()
                process = subprocess.Popen(command, env=dict(place.env))
                peak = 0.0
                while process.poll() is None:
                    peak = max(peak, _tree_mib(process.pid))
                    time.sleep(0.02)
                if process.returncode:
                    return process.returncode
                print(f"{direction:4} {asked.gib} GiB: {time.monotonic() - began:.1f} s, peak {peak:.0f} MiB in all")
                worst = max(worst, peak)
            same = subprocess.run(["cmp", *sorted((work / "one").iterdir()), *sorted(into.iterdir())], check=False)
    return same.returncode or worst > BAR_MIB


def _tree_mib(pid: int) -> float:
    """Of a process and its children, as they are at this moment."""
    try:
        kib = 0
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib = int(line.split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0  # ended meanwhile
    return kib / 1024 + sum(_tree_mib(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main())
