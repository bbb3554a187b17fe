"""The embedded AWS: moto, with the strictness and the motion that moto lacks. Imported only by the composition root.

moto and Docker are imported when one is started, not here.
"""

from __future__ import annotations

from aws_run.local.ask import ask
from aws_run.local.disk import prune
from aws_run.local.lifecycle import for_command, need_moto, running, serve, start, status, stop
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.runtime.builder import image_builder

__all__ = [
    "LocalAws",
    "LocalOptions",
    "ask",
    "for_command",
    "image_builder",
    "need_moto",
    "prune",
    "running",
    "serve",
    "start",
    "status",
    "stop",
]
