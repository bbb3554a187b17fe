"""How large a run's disk is: the system, the image, the input and the outputs have to fit. Pure.

What is not known when the machine is asked for is assumed, and the assumption is said: the image may still be building
beside it, and what a job writes nobody knows but who wrote it (`resources.output_size`).
"""

from __future__ import annotations

import math

from aws_run.config import Resources
from aws_run.errors import UsageError
from aws_run.frozen import frozen

GIB = 1 << 30
# ECR counts packed layers. Python's unpack to about three times that, and while an image is pulled both are there.
_IMAGE_FACTOR = 4
_UNKNOWN_IMAGE_GIB = 12  # an image of 3 GB in ECR
_UNKNOWN_GPU_IMAGE_GIB = 24  # CUDA's libraries alone have 3 to 5 GB
_LEAST_OUTPUT_GIB = 2
_HEADROOM = 1.1  # file systems don't like to be full


@frozen
class DiskLimits:
    """What a backend's disks are like, in GiB. `system`: what is on one before the run's image comes."""

    backend: str
    system: int
    step: int
    most: int


EC2 = DiskLimits(backend="ec2", system=8, step=10, most=16_384)  # gp3, and the ECS machine image with its agent
FARGATE = DiskLimits(backend="fargate", system=1, step=5, most=200)


@frozen
class Contents:
    """`image_bytes` as ECR counts them, None for an image that is not there yet or not ours to ask for."""

    input_bytes: int
    image_bytes: int | None
    gpu: bool = False


@frozen
class Sizing:
    """`note`: a sentence for the plan where the size is not the default's. `warning`: where it may be too small."""

    gib: int
    note: str = ""
    warning: str = ""
    hint: str = ""


def size(limits: DiskLimits, requested: Resources, default_gib: int, contents: Contents) -> Sizing:
    """`default_gib`: what the backend gives where nothing was asked for, or what was asked for.

    UsageError where the input can't fit: on a disk that was asked for, or on any that the backend has.
    """
    parts = _parts(limits, requested, contents)
    needed = math.ceil(sum(gib for gib, _ in parts) * _HEADROOM)
    made_of = ", ".join(f"{_gib(gib)} {what}" for gib, what in parts)
    if requested.disk_gib is not None:
        return _size_as_requested(limits, requested.disk_gib, default_gib, contents, needed=needed, made_of=made_of)
    if needed > limits.most:
        raise UsageError(
            f"The run needs a disk of about {needed} GB ({made_of}), and {limits.backend} has at most {limits.most} GB",
            hint="use --backend ec2" if limits.most < EC2.most else "send less input at once",
        )
    if needed <= default_gib:
        return Sizing(gib=default_gib)
    gib = min(-(-needed // limits.step) * limits.step, limits.most)
    return Sizing(gib=gib, note=f"disk: {gib} GB for {made_of}; --disk sets another size")


def fits(limits: DiskLimits, requested: Resources, contents: Contents) -> bool:
    return math.ceil(sum(gib for gib, _ in _parts(limits, requested, contents)) * _HEADROOM) <= limits.most


def _size_as_requested(
    limits: DiskLimits, requested_gib: int, gib: int, contents: Contents, *, needed: int, made_of: str
) -> Sizing:
    """What was asked for is what there is; EC2 has no smaller one than its machine image."""
    room = (gib - limits.system) * GIB - (contents.image_bytes or 0)
    if contents.input_bytes > room:
        raise UsageError(
            f"The input has {_gib(contents.input_bytes / GIB)}, which can't fit on a disk of {requested_gib} GB "
            "beside the system and the image",
            hint=f"leave out --disk, or give at least --disk {needed}GB",
        )
    if needed <= gib:
        return Sizing(gib=gib)
    return Sizing(
        gib=gib,
        warning=f"a disk of {gib} GB may be too small: {made_of}",
        hint=f"--disk {needed}GB would do; without --disk the size is chosen",
    )


def _parts(limits: DiskLimits, requested: Resources, contents: Contents) -> list[tuple[float, str]]:
    input_gib = contents.input_bytes / GIB
    if contents.image_bytes is not None:
        image: tuple[float, str] = (_IMAGE_FACTOR * contents.image_bytes / GIB, "the image, packed and unpacked")
    else:
        image = (_UNKNOWN_GPU_IMAGE_GIB if contents.gpu else _UNKNOWN_IMAGE_GIB, "assumed for the image")
    if requested.output_gib is not None:
        output: tuple[float, str] = (requested.output_gib, "output as declared")
    else:
        output = (max(input_gib, _LEAST_OUTPUT_GIB), "assumed for the output")
    return [(limits.system, "system"), image, (input_gib, "input"), output]


def _gib(gib: float) -> str:
    return f"{gib:.0f} GB" if gib >= 10 or gib == int(gib) else f"{gib:.1f} GB"
