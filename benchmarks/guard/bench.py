"""How long a run's machine bills after its job's end when no client is alive, on the embedded AWS's simulated clock.

`task`: from the task's stop to the end of the bill, which is what the guard (user data) answers for. Clusters and
instances take AWS's times (tests/crash/account.py); the agent's own seconds come on top. Managed scaling, which
most tools leave this to, waits for 15 one-minute datapoints.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.crash.account import AWS_TIMES, Account, account, make_project  # noqa: E402 - the path comes first

BAR_S = 60
MANAGED_SCALING_S = 15 * 60


def main() -> int:
    print(f"{'backend':8} {'client':28} {'seconds billed after the end':>29}   bar: under {BAR_S}")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_project(home)
        for backend in ("ec2", "fargate"):
            for client, flags, kill in (
                ("detached", ("--detach",), None),
                ("killed while it watches", (), ("ecs:DescribeTasks", "before")),
            ):
                with account(home, **AWS_TIMES) as aws:
                    submit = ("submit", home / "tiny", "-i", home / "data", "-o", home / "out", "--backend", backend)
                    aws.run(*submit, *flags, kill=kill)
                    seconds = billed_after_the_end(aws)
                worst = max(worst, seconds)
                print(f"{backend:8} {client:28} {seconds:29.1f}")
    print(f"managed scaling alone: {MANAGED_SCALING_S} s or more")
    return 0 if worst < BAR_S else 1


def billed_after_the_end(aws: Account) -> float:
    aws.wait_for_tasks()
    (ended,) = [task.stopped_at for task in aws.tasks() if task.stopped_at is not None]
    aws.advance(2 * 3600)
    if aws.still_bills():
        raise SystemExit("it bills two hours later")
    return max((line.ended_at - ended).total_seconds() for line in aws.bill() if line.ended_at is not None)


if __name__ == "__main__":
    sys.exit(main())
