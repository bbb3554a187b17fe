"""Sends snapshots of `-i` and fetches outputs into `-o`: the one room of the tool that uses the transfer engine."""

from aws_run.data.bucket import BotocoreSource, FrozenCredentials, bucket_for
from aws_run.data.inputs import SNAPSHOT_SUFFIX, InputSnapshot, push_input, snapshot_key
from aws_run.data.inspect_input import InputSummary, inspect_input
from aws_run.data.output_folder import NO_OUTPUTS, OutputFolder, OutputListing
from aws_run.data.outputs import PulledOutput, follow_output, pull_output
from aws_run.data.s3_input import Pinned, keep_pin, pin_input
from aws_run_entrypoint.transfer import Bucket

__all__ = [
    "NO_OUTPUTS",
    "SNAPSHOT_SUFFIX",
    "BotocoreSource",
    "Bucket",
    "FrozenCredentials",
    "InputSnapshot",
    "InputSummary",
    "OutputFolder",
    "OutputListing",
    "Pinned",
    "PulledOutput",
    "bucket_for",
    "follow_output",
    "inspect_input",
    "keep_pin",
    "pin_input",
    "pull_output",
    "push_input",
    "snapshot_key",
]
