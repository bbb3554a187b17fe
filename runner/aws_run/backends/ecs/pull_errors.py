"""What containerd and ECS say of an image that could not be pulled, as one sentence with what to do."""

from __future__ import annotations

import re

# What containerd calls the image in its refusals.
_REFERENCE = re.compile(r"failed to resolve ref(?:erence)? [\"']?([\w.-]+[\w./:@-]*[\w-])")


def sentence(text: str) -> str:
    """`text`: the reason of a CannotPullContainerError (aws-facts §3). Pure."""
    lowered = text.lower()
    if "no space left" in lowered:
        return "the image does not fit on the disk: ask for more with --disk"
    named = _REFERENCE.search(text)
    image = f"the image {named[1]}" if named else "the image"
    if re.search(r"not found|404|does not exist|manifest unknown|name unknown", lowered):
        return f"{image} is not in the registry: check its name, or leave out --image to have it built ({text})"
    if re.search(r"timeout|deadline exceeded|i/o timeout|dial tcp", lowered):
        registry = "ECR" if named is None or ".dkr.ecr" in named[1] else "its registry"
        way_out = "use public subnets, a NAT gateway or VPC endpoints"
        return f"{image} could not be pulled: the subnet has no route to {registry} ({way_out})"
    return f"{image} could not be pulled: {text}"
