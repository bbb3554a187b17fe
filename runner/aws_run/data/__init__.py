"""Snapshots of `-i`, outputs into `-o`: the one room of the tool that uses the transfer engine."""

from aws_run.data.bucket import BotocoreSource, FrozenCredentials, bucket_for
from aws_run.data.inputs import InputSnapshot, push_input
from aws_run.data.landing import Landing
from aws_run.data.look import InputSeen, look_at
from aws_run.data.outputs import PulledOutput, follow_output, output_totals, pull_output
from aws_run.data.pin import Pinned, keep_pin, pin
from aws_run_entrypoint.transfer import Bucket

__all__ = [
    "BotocoreSource",
    "Bucket",
    "FrozenCredentials",
    "InputSeen",
    "InputSnapshot",
    "Landing",
    "Pinned",
    "PulledOutput",
    "bucket_for",
    "follow_output",
    "keep_pin",
    "look_at",
    "output_totals",
    "pin",
    "pull_output",
    "push_input",
]
