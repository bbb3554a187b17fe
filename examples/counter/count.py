"""Counts to a number, one step at a time, and never counts twice, however often the machine is taken away.

What is counted stands in the checkpoint folder, which the next attempt finds as the last one left it.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="Count to the number in target.txt")
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two numbers")
    chosen = parser.parse_args()
    target = int((chosen.input / "target.txt").read_text())
    saved = Path(os.environ.get("AWS_RUN_CHECKPOINT_PATH", chosen.output)) / "counted.txt"
    counted = saved.read_text().splitlines() if saved.exists() else []
    attempt = os.environ.get("AWS_RUN_ATTEMPT", "1")
    print(f"attempt {attempt}: {len(counted)} of {target} are counted already")
    while len(counted) < target:
        counted.append(f"{len(counted) + 1} in attempt {attempt}")
        # Written beside and renamed: a checkpoint is taken at any moment and must never see half a file.
        fresh = saved.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in counted))
        fresh.replace(saved)
        print(counted[-1])
        time.sleep(chosen.pause)
    (chosen.output / "counted.txt").write_text("".join(f"{line}\n" for line in counted))


if __name__ == "__main__":
    main()
