"""The most that a comment may ask for, as the workflow's inputs say; checked before any call of AWS."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from aws_run.errors import UsageError
from aws_run.frozen import frozen

_MIB = {"MB": 1, "MiB": 1, "GB": 1024, "GiB": 1024, "TB": 1024 * 1024, "TiB": 1024 * 1024}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@frozen
class Caps:
    """`instance_types`: patterns such as `g6.*`; empty: no comment names a type."""

    cpu: Decimal
    memory_mib: int
    gpus: int
    timeout_s: int
    spot: bool
    instance_types: tuple[str, ...]


def read_caps(inputs: Mapping[str, str]) -> Caps:
    """From the workflow's inputs `max-cpu`, `max-memory`, `max-gpus`, `max-timeout`, `allow-spot`, `instance-types`.
    UsageError for one that can't be read: a limit that nobody understands allows nothing."""
    types = inputs.get("instance-types", "").strip()
    try:
        return Caps(
            cpu=Decimal(inputs["max-cpu"]),
            memory_mib=memory_mib(inputs["max-memory"]),
            gpus=int(inputs["max-gpus"]),
            timeout_s=seconds(inputs["max-timeout"]),
            spot={"true": True, "false": False}[inputs["allow-spot"]],
            instance_types=tuple(re.split(r"[\s,]+", types)) if types else (),
        )
    except (KeyError, ValueError, InvalidOperation) as error:
        raise UsageError(f"The workflow's limits can't be read: {error}") from None


def check(flags: Mapping[str, str], caps: Caps) -> None:
    """UsageError that names the first flag beyond its limit."""
    if "cpu" in flags and Decimal(flags["cpu"].rstrip("+")) > caps.cpu:
        raise UsageError(f"--cpu {flags['cpu']} is more than this workflow allows, {caps.cpu}")
    if "memory" in flags and memory_mib(flags["memory"].rstrip("+")) > caps.memory_mib:
        raise UsageError(f"--memory {flags['memory']} is more than this workflow allows, {caps.memory_mib} MiB")
    if "gpu" in flags and gpu_count(flags["gpu"]) > caps.gpus:
        raise UsageError(f"--gpu {flags['gpu']} is more than this workflow allows, {caps.gpus} GPUs")
    if "timeout" in flags and seconds(flags["timeout"]) > caps.timeout_s:
        raise UsageError(f"--timeout {flags['timeout']} is longer than this workflow allows, {caps.timeout_s} s")
    if "spot" in flags and not caps.spot:
        raise UsageError("--spot is not allowed by this workflow")
    kind = flags.get("instance-type")
    if kind is not None and not any(fnmatch.fnmatchcase(kind, pattern) for pattern in caps.instance_types):
        allowed = ", ".join(caps.instance_types) or "none"
        raise UsageError(f"--instance-type {kind} is not one that this workflow allows: {allowed}")


def gpu_count(text: str) -> int:
    """`1`, `L4`, `L4:2`."""
    model, _, count = text.partition(":")
    return int(count) if count else int(model) if model.isdigit() else 1


def memory_mib(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([KMGT]i?B)", text)
    if match is None or match[2] not in _MIB:
        raise ValueError(f"{text!r} is not an amount of memory")
    return int(match[1]) * _MIB[match[2]]


def seconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time")
    return int(match[1]) * _SECONDS[match[2]]
