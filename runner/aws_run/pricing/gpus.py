"""The names of GPUs as people write them, against those that EC2 uses. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from aws_run.pricing.catalogue import InstanceType

# What vendors and people put around a model's name.
_AROUND = re.compile(r"^(NVIDIA|TESLA|GEFORCE|AMPERE|HOPPER|TENSOR-?CORE)(?=[A-Z0-9])|(SXM\d?|PCIE|NVL|TENSORCORE)$")
# Names that are in use for the GPUs of an AWS type and are none of AWS's own: the G5's card is NVIDIA's A10G.
_ALIASES = {"A10": "A10G", "RTXPRO6000": "RTXPROSERVER6000", "RTX6000": "RTXPROSERVER6000"}


def split(text: str) -> tuple[str, int | None]:
    """`A100-80GB` → ("A100", 80): the model without its decoration and the memory in GB, None where none is named."""
    name = re.sub(r"[^A-Z0-9]", "", text.upper().replace("_", "-"))
    separated = re.match(r"^(.*?)[-_ ](\d{2,3})\s*G(?:I?B)?$", text.strip(), re.IGNORECASE)
    memory_gb = int(separated[2]) if separated else None
    if separated:
        name = re.sub(r"[^A-Z0-9]", "", separated[1].upper())
    before = None
    while before != name:
        before, name = name, _AROUND.sub("", name)
    return _ALIASES.get(name, name), memory_gb


def matches(wanted: str, kind: InstanceType) -> bool:
    """Whether `wanted`, as somebody wrote it, names the GPU of `kind`. A memory that is named has to agree within a
    tenth: cards sold as 24 GB have 22,888 MiB, as 80 GB 81,920."""
    if kind.gpu_model is None:
        return False
    model, memory_gb = split(wanted)
    if model != split(kind.gpu_model)[0]:
        return False
    return memory_gb is None or abs(kind.gpu_memory_mib / 1024 - memory_gb) <= memory_gb / 10


def models(types: Iterable[InstanceType]) -> tuple[str, ...]:
    """Every model there is, in the order of their names."""
    return tuple(sorted({kind.gpu_model for kind in types if kind.gpu_model}))


def closest(wanted: str, types: Iterable[InstanceType]) -> tuple[str, ...]:
    """The models that `wanted` may have meant, best first; at most three."""
    known = {split(model)[0]: model for model in models(types)}
    name = split(wanted)[0]
    inside = [key for key in known if name and (name in key or key in name)]
    near = difflib.get_close_matches(name, known, 3, 0.5)
    return tuple(known[key] for key in dict.fromkeys((*inside, *near)))[:3]
