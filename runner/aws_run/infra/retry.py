"""Back-off on named AWS error codes: the waits of a teardown, and of a role that has just been made."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from aws_run.clock import Clock
from aws_run.errors import AwsCallError

T = TypeVar("T")

_DENIED = ("AccessDenied", "AccessDeniedException")


def retrying(
    action: Callable[[], T],
    *,
    when: Callable[[AwsCallError], bool],
    for_s: float,
    clock: Clock,
    first_wait_s: float = 0.5,
    longest_wait_s: float = 10.0,
) -> T:
    """`action()`, repeated with jittered back-off for at most `for_s` seconds while it fails as `when` accepts.

    Raises the last AwsCallError when time is up, any other error at once.
    """
    started = clock.monotonic()
    wait_s = first_wait_s
    while True:
        try:
            return action()
        except AwsCallError as error:
            if not when(error) or clock.monotonic() - started >= for_s:
                raise
        clock.sleep(wait_s * (0.5 + random.random() / 2))  # noqa: S311 - jitter, not a secret
        wait_s = min(wait_s * 2, longest_wait_s)


def role_is_too_new(error: AwsCallError) -> bool:
    """The call hands on a role that was made seconds ago: either the service does not find it yet, or IAM does not
    grant iam:PassRole on it yet (docs/real-aws.md, 2). A policy that never allows it looks the same for as long as this
    is waited out."""
    if "explicit deny" in error.message.lower():
        return False  # a policy says no, and goes on saying it
    if error.code in _DENIED:
        return "iam:passrole" in error.message.lower()
    return error.code == "ClientException" and "role is not valid" in error.message.lower()


def on_codes(*codes: str) -> Callable[[AwsCallError], bool]:
    return lambda error: error.code in codes
