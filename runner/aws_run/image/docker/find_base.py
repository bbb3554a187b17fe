"""Looking up the base image of a plan on this machine's Docker engine, where there is one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from aws_run.errors import DockerError
from aws_run.events import Emit, Notice
from aws_run.image.base import BaseImages, DockerBaseEngine
from aws_run.image.docker.engine import connect
from aws_run.image.docker.machine import BuildMachine
from aws_run.image.plan import ImagePlan

_LOOKUP_SILENCE_S = 20  # networks that swallow what they don't let through must not hold up a plan
_PULL_SILENCE_S = 120


def find_base(plan: ImagePlan, *, refresh: bool, emit: Emit, environ: Mapping[str, str] = os.environ) -> ImagePlan:
    """`plan` on the base image that its name stands for on this machine, with or without an engine. Never raises."""
    if plan.base_reference is None:
        return plan
    machine = BuildMachine.of(environ)
    try:
        client = connect(environ, timeout_s=_PULL_SILENCE_S if refresh else _LOOKUP_SILENCE_S)
    except DockerError as error:
        emit(Notice(text=f"the base image is not looked up: {error.message}", level="debug"))
        images = BaseImages(machine, None, emit)
        return plan.on(images.resolve(plan.base_reference, plan.platform, refresh=refresh))
    try:
        images = BaseImages(machine, DockerBaseEngine(client.api), emit)
        return plan.on(images.resolve(plan.base_reference, plan.platform, refresh=refresh))
    finally:
        client.close()
