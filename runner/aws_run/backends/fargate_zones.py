"""Which zones have Fargate: all, but in a few regions (ECS's guide, "Supported Regions for Amazon ECS on AWS Fargate").

Zones are told apart by their ids, for each account has names of its own for them.
"""

from __future__ import annotations

# Beginning of the region's zone ids -> the zones that the guide lists with the word "only".
_ONLY = {
    "usw1-": ("usw1-az1", "usw1-az3"),
    "apne1-": ("apne1-az1", "apne1-az2", "apne1-az4"),
    "cnn1-": ("cnn1-az1", "cnn1-az2"),
}


def has_fargate(zone_id: str) -> bool:
    """True too for a zone that nobody knows."""
    return next((zone_id in zones for begin, zones in _ONLY.items() if zone_id.startswith(begin)), True)
