"""The awslogs driver: a container's lines become events of a CloudWatch log stream, as they arrive."""

from __future__ import annotations

import threading
import time

from aws_run.local.sim.model import Container, Task
from aws_run.local.sim.state import AccountState


class LogGroupMissing(Exception):
    pass


class LogSink:
    def __init__(self, world: AccountState, region: str, group: str, stream: str) -> None:
        self._world = world
        self._region = region
        self._group = group
        self._stream = stream
        self._lock = threading.Lock()
        self._last_ms = 0

    def line(self, text: str) -> None:
        """One line, without its line end."""
        logs = self._world.moto("logs", self._region)
        with self._lock:
            # CloudWatch wants events in order, even where the machine's clock steps back.
            self._last_ms = max(self._last_ms, int(time.time() * 1000))
            if self._group in logs.groups:
                event = {"timestamp": self._last_ms, "message": text}
                logs.put_log_events(self._group, self._stream, [event])


def open_sink(world: AccountState, region: str, task: Task, container: Container) -> LogSink | None:
    """None where the container has no awslogs configuration; LogGroupMissing where its group is not there."""
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    options = configuration.get("options") or {}
    group = options["awslogs-group"]
    logs = world.moto("logs", options.get("awslogs-region") or region)
    if group not in logs.groups:
        if options.get("awslogs-create-group") != "true":
            raise LogGroupMissing(
                "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch "
                "log "
                "stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
            )
        logs.create_log_group(group, {})
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{container.name}/{task.id}" if prefix else task.id
    if stream not in logs.groups[group].streams:
        logs.create_log_stream(group, stream)
    return LogSink(world, options.get("awslogs-region") or region, group, stream)
