"""What the instance does at its first boot: joins the run's cluster and starts the guard. Pure.

Only values from a safe alphabet (run ids, integers) are written into the script.
"""

from __future__ import annotations

import re
from importlib.resources import files

from aws_run.backends.ecs.container import NOTICE_DIR

_SAFE = re.compile(r"[A-Za-z0-9_.-]+")
OVER_S = 30  # an instance stays this long after its task, so that the client can read the last state
LATE_S = 20 * 60  # from the run's making: one that boots later was not to be had for as long as a client's lease
LATE_NEVER_CAME_S = 30 * 60


def render(
    *,
    cluster: str,
    gpu: bool,
    made_epoch_s: int,
    never_came_s: int,
    deadline_epoch_s: int,
    after_deadline_s: int,
    up_at_most_s: int | None,
) -> str:
    """A bash script for EC2 user data. ValueError when a value could be anything but a word.

    `deadline_epoch_s`: as long as no task has brought the job's own, after which the machine stays `after_deadline_s`.
    `up_at_most_s`: what `--max-cost` pays for; None: there is no such limit."""
    if not _SAFE.fullmatch(cluster):
        raise ValueError(f"{cluster!r} can't be written into user data")
    guard = files("aws_run.backends.ec2").joinpath("guard.sh").read_text(encoding="utf-8")
    agent = [
        f"ECS_CLUSTER={cluster}",
        # On a Spot notice nothing more is placed here; it is off by default.
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true",
        "ECS_CONTAINER_STOP_TIMEOUT=120s",
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=3h",
        "ECS_ENABLE_TASK_IAM_ROLE=true",
        *(["ECS_ENABLE_GPU_SUPPORT=true"] if gpu else []),
    ]
    lines = [
        "#!/bin/bash",
        "mkdir -p /etc/ecs /etc/aws-run " + NOTICE_DIR,
        "cat >>/etc/ecs/ecs.config <<'ECS_CONFIG'",
        *agent,
        "ECS_CONFIG",
        "cat >/etc/aws-run/guard.env <<'GUARD_ENV'",
        f"NEVER_CAME_S={int(never_came_s)}",
        f"OVER_S={OVER_S}",
        f"DEADLINE_EPOCH={int(deadline_epoch_s)}",
        f"MADE_EPOCH={int(made_epoch_s)}",
        f"LATE_S={LATE_S}",
        f"LATE_NEVER_CAME_S={LATE_NEVER_CAME_S}",
        f"AFTER_DEADLINE_S={int(after_deadline_s)}",
        f"UP_AT_MOST_S={int(up_at_most_s or 0)}",
        "GUARD_ENV",
        "cat >/usr/local/sbin/aws-run-guard <<'AWS_RUN_GUARD'",
        guard.rstrip("\n"),
        "AWS_RUN_GUARD",
        "chmod 755 /usr/local/sbin/aws-run-guard",
        "cat >/etc/systemd/system/aws-run-guard.service <<'UNIT'",
        "[Unit]",
        "Description=aws-run host guard",
        "[Service]",
        "ExecStart=/usr/local/sbin/aws-run-guard",
        "Restart=always",
        "RestartSec=5",
        "[Install]",
        "WantedBy=multi-user.target",
        "UNIT",
        "systemctl daemon-reload",
        "systemctl enable --now --no-block aws-run-guard.service",
        "",
    ]
    return "\n".join(lines)
