"""The container contract, tool side: names of the environment variables the entrypoint reads, and why a run ended as
its `result.json` names it.

The container's side is `aws_run_entrypoint.contract`; a test holds the two equal. JSON values are compact JSON text.
"""

from __future__ import annotations

import enum

RUN_ID = "AWS_RUN_ID"
ATTEMPT = "AWS_RUN_ATTEMPT"  # 1, 2, …
BUCKET = "AWS_RUN_BUCKET"
BUCKET_OWNER = "AWS_RUN_BUCKET_OWNER"  # account id; sent as x-amz-expected-bucket-owner
PREFIX = "AWS_RUN_PREFIX"  # runs/<run-id>/
INPUTS = "AWS_RUN_INPUTS"  # JSON list of {"name", "snapshot_key", "version_id": str|null, "into": "" or a folder of -i}
COMMAND = "AWS_RUN_COMMAND"  # JSON argv replacing the image's CMD, or absent
ARGS = "AWS_RUN_ARGS"  # JSON argv put after the command, before -i and -o
# JSON pair: the options for the two folders, "" for none, "NAME=" for one word with the folder; absent: -i and -o
ARGUMENTS = "AWS_RUN_ARGUMENTS"
DEADLINE = "AWS_RUN_DEADLINE"  # absolute, epoch seconds
STOP_GRACE_S = "AWS_RUN_STOP_GRACE_S"  # the most the job gets between SIGTERM and SIGKILL
STOP_WINDOW_S = "AWS_RUN_STOP_WINDOW_S"  # from SIGTERM to the container's end: the grace and the last sync
NEW_ROLE_S = "AWS_RUN_NEW_ROLE_S"  # from its start: how long S3 may refuse or miss what a role or bucket is too new for
SYNC_EVERY_S = "AWS_RUN_SYNC_EVERY_S"  # outputs while the job runs; 0 = only at the end
CHECKPOINT_PATH = "AWS_RUN_CHECKPOINT_PATH"
CHECKPOINT_EVERY_S = "AWS_RUN_CHECKPOINT_EVERY_S"
WORK_DIR = "AWS_RUN_WORK_DIR"  # default /aws-run: input/ and output/ live in it
CGROUP = "AWS_RUN_CGROUP"  # default /sys/fs/cgroup: where the kernel tells what the container uses
NOTICE_FILE = "AWS_RUN_NOTICE_FILE"  # the host writes the Spot notice here; read-only mount
OUTPUTS_REQUIRED = "AWS_RUN_OUTPUTS_REQUIRED"  # 1: a job that saves nothing has failed
IMAGE_ENTRYPOINT = "AWS_RUN_IMAGE_ENTRYPOINT"  # JSON argv, baked into the image: the project's own ENTRYPOINT

ALL = (
    RUN_ID,
    ATTEMPT,
    BUCKET,
    BUCKET_OWNER,
    PREFIX,
    INPUTS,
    COMMAND,
    ARGS,
    ARGUMENTS,
    DEADLINE,
    STOP_GRACE_S,
    STOP_WINDOW_S,
    NEW_ROLE_S,
    SYNC_EVERY_S,
    CHECKPOINT_PATH,
    CHECKPOINT_EVERY_S,
    WORK_DIR,
    CGROUP,
    NOTICE_FILE,
    OUTPUTS_REQUIRED,
    IMAGE_ENTRYPOINT,
)

# A command that holds both says itself where the folders go.
FOLDER_MARKS = ("{input}", "{output}")


class EndReason(str, enum.Enum):  # StrEnum came with Python 3.11
    """`reason` in result.json: why the run ended, as the container saw it."""

    EXIT = "exit"  # the command ended by itself, whatever its exit code
    SIGNAL = "signal"  # a signal that was not ours killed it
    DEADLINE = "deadline"
    STOPPED = "stopped"  # SIGTERM or SIGINT reached the container
    SPOT_NOTICE = "spot-notice"
    OUT_OF_MEMORY = "out-of-memory"
    DISK_FULL = "disk-full"
    COMMAND_NOT_FOUND = "command-not-found"  # or it can't be executed
    SYNC_IN_FAILED = "sync-in-failed"  # the command was not started
    NO_OUTPUT = "no-output"  # the command ended well and saved nothing, where outputs are required
    SYNC_OUT_FAILED = "sync-out-failed"  # the command ended by itself, but not all that it wrote was saved

    def __str__(self) -> str:  # Python's own answer differs between its versions
        return str(self.value)
