"""What every use case is handed: AWS, time, where events go, and the parts that build images and move bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from aws_run.frozen import frozen

if TYPE_CHECKING:  # every command imports this file, and few of them build an image or know a backend
    from aws_run.aws.cache import Cache
    from aws_run.aws.session import Aws
    from aws_run.backends.base import Backend
    from aws_run.clock import Clock
    from aws_run.data import Bucket
    from aws_run.errors import UsageError
    from aws_run.events import Emit
    from aws_run.image.builder import Builder
    from aws_run.image.plan import ImagePlan


def _no_cache() -> Cache:
    from aws_run.aws.cache import NoCache

    return NoCache()


def refuse(doubt: UsageError) -> None:
    raise doubt


@frozen
class AppContext:
    aws: Aws
    clock: Clock
    emit: Emit
    backends: Mapping[str, Backend]
    builder: Callable[[], Builder]
    storage: Callable[[str], Bucket]  # a bucket by name, as the transfer engine wants it
    salt: Callable[[], str]
    branch: Callable[[Path], str] = lambda folder: ""  # whose code is in a folder, by git or GitHub; "": nobody knows
    # The plan on the base image that its name stands for; the flag: ask the registry for the newest. Without Docker
    # there is no base image.
    find_base: Callable[[ImagePlan, bool], ImagePlan] = lambda plan, refresh: plan
    cache: Callable[[], Cache] = _no_cache  # of what AWS said and this machine keeps
    # Called before each request for the run's first task; what it raises ends the run before its job.
    before_task: Callable[[], None] = lambda: None
    # Asked where something may not be meant as it was typed: returns where the user means it, raises the refusal else.
    agree: Callable[[UsageError], None] = refuse
    stop: threading.Event = field(default_factory=threading.Event)
    poll_s: float = 1.0
    longest_poll_s: float = 5.0
