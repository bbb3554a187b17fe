"""A run whose things are removed from an AWS that lets them go."""

from __future__ import annotations

from tests.unit.fakes import RUN, FakeAws, refused

NAME = f"arun-{RUN}"
OURS = [{"Key": "aws-run:run", "Value": RUN}]


def empty_cloud() -> FakeAws:
    """Takes every delete, and shows nothing afterwards."""
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": []})
    return aws.on("get_role", refused("NoSuchEntity")).on("get_schedule", refused("ResourceNotFoundException"))
