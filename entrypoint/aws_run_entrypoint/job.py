"""What this container is to run, read once from its environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from . import contract, s3_address
from .command_line import add_folders, has_places, place_folders
from .transfer import Bucket, from_environment

DEFAULT_WORK_DIR = "/aws-run"
DEFAULT_STOP_GRACE_S = 30.0
DEFAULT_STOP_WINDOW_S = 120.0


class ContractError(Exception):
    """The environment is not what the tool sets: nothing can be run."""


@dataclass(frozen=True)
class Input:
    """`into`: the folder in the one of -i that its files go into; "" is that one itself."""

    name: str
    snapshot_key: str
    version_id: Optional[str]
    into: str = ""

    @property
    def prefix(self) -> str:
        """The snapshot is the sibling of its folder: `inputs/p/data.snapshot.json` of `inputs/p/data/`."""
        return self.snapshot_key[: -len(".snapshot.json")] + "/"


@dataclass(frozen=True)
class Job:
    """`command` is complete but for the two folders; `placed`: it says itself where they go, by {input} and {output}.
    `deadline` is in epoch seconds; 0 for an `every` is never."""

    run_id: str
    attempt: int
    bucket: Bucket
    prefix: str
    inputs: Tuple[Input, ...]
    command: Tuple[str, ...]
    arguments: Tuple[str, str]
    placed: bool
    deadline: Optional[float]
    stop_grace_s: float
    stop_window_s: float
    new_role_s: float
    sync_every_s: float
    checkpoint_path: Optional[str]
    checkpoint_every_s: float
    work_dir: str
    notice_file: Optional[str]
    outputs_required: bool = False

    @property
    def input_dir(self) -> str:
        return os.path.join(self.work_dir, "input")

    @property
    def output_dir(self) -> str:
        return os.path.join(self.work_dir, "output")

    def dir_of(self, index: int) -> str:
        """The only input is what -i names; of several each is a folder in there."""
        into = self.inputs[index].into
        return os.path.join(self.input_dir, into) if into else self.input_dir

    @property
    def argv(self) -> List[str]:
        if self.placed:
            return place_folders(self.command, self.input_dir, self.output_dir)
        return add_folders(self.command, self.arguments, self.input_dir, self.output_dir)


def read_job(env: Mapping[str, str], image_command: Sequence[str]) -> Job:
    """`image_command`: the image's own CMD, which Docker hands to the entrypoint as its arguments."""
    own = (*_argv(env, contract.IMAGE_ENTRYPOINT), *(_argv(env, contract.COMMAND) or tuple(image_command)))
    command = (*own, *_argv(env, contract.ARGS))
    if not command:
        raise ContractError("there is no command to run: the image has none and none was given")
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if not region:
        raise ContractError("AWS_REGION is not set")
    bucket = Bucket(
        name=_needed(env, contract.BUCKET),
        region=region,
        credentials=from_environment(env),
        endpoint_url=s3_address.configured(env, region),
        owner=env.get(contract.BUCKET_OWNER) or None,
    )
    return Job(
        run_id=_needed(env, contract.RUN_ID),
        attempt=int(_number(env, contract.ATTEMPT, 1)),
        bucket=bucket,
        prefix=_needed(env, contract.PREFIX),
        inputs=_inputs(env),
        command=command,
        arguments=_arguments(env),
        placed=has_places(own),
        deadline=_number(env, contract.DEADLINE, 0) or None,
        stop_grace_s=_number(env, contract.STOP_GRACE_S, DEFAULT_STOP_GRACE_S),
        stop_window_s=_number(env, contract.STOP_WINDOW_S, DEFAULT_STOP_WINDOW_S),
        new_role_s=_number(env, contract.NEW_ROLE_S, 0),
        sync_every_s=_number(env, contract.SYNC_EVERY_S, 0),
        checkpoint_path=env.get(contract.CHECKPOINT_PATH) or None,
        checkpoint_every_s=_number(env, contract.CHECKPOINT_EVERY_S, 0),
        work_dir=env.get(contract.WORK_DIR) or DEFAULT_WORK_DIR,
        notice_file=env.get(contract.NOTICE_FILE) or None,
        outputs_required=env.get(contract.OUTPUTS_REQUIRED) == "1",
    )


def container_environment(environ: Mapping[str, str] = os.environ, given: str = "/proc/self/environ") -> Dict[str, str]:
    """What this process was started with. Where no locale is set, Python (PEP 538) puts an LC_CTYPE into its own
    environment, which the job would inherit; the kernel still has what was given."""
    env = dict(environ)
    try:
        with open(given, "rb") as file:
            named = {item.partition(b"=")[0] for item in file.read().split(b"\0")}
    except OSError:
        return env
    if b"LC_CTYPE" not in named:
        env.pop("LC_CTYPE", None)
    return env


def job_environment(env: Mapping[str, str]) -> Dict[str, str]:
    """What the command sees: everything of the task's own, nothing of ours but who it is and where checkpoints go."""
    seen = {name: value for name, value in env.items() if name not in contract.ALL or name in contract.FOR_THE_JOB}
    seen.setdefault("PYTHONUNBUFFERED", "1")  # else the last lines before a kill are lost in a buffer
    return seen


def _arguments(env: Mapping[str, str]) -> Tuple[str, str]:
    given = _argv(env, contract.ARGUMENTS) if env.get(contract.ARGUMENTS) else ("-i", "-o")
    if len(given) != 2:
        raise ContractError(f"{contract.ARGUMENTS} is not a pair of options")
    return given[0], given[1]


def _needed(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise ContractError(f"{name} is not set")
    return value


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise ContractError(f"{name} is not a number: {text!r}") from None


def _argv(env: Mapping[str, str], name: str) -> Tuple[str, ...]:
    text = env.get(name)
    if not text:
        return ()
    try:
        argv = json.loads(text)
    except ValueError:
        raise ContractError(f"{name} is not JSON") from None
    if not isinstance(argv, list) or not all(isinstance(item, str) for item in argv):
        raise ContractError(f"{name} is not a JSON list of strings")
    return tuple(argv)


def _inputs(env: Mapping[str, str]) -> Tuple[Input, ...]:
    try:
        items = json.loads(env.get(contract.INPUTS) or "[]")
        inputs = tuple(
            Input(item["name"], item["snapshot_key"], item.get("version_id"), str(item.get("into", "")))
            for item in items
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError(f"{contract.INPUTS} can't be read ({error})") from None
    for item in inputs:
        if not item.snapshot_key.endswith(".snapshot.json"):
            raise ContractError(f"{contract.INPUTS}: {item.snapshot_key!r} is not a snapshot")
        if not item.name or any(name in (".", "..") or "/" in name or "\0" in name for name in (item.name, item.into)):
            raise ContractError(f"{contract.INPUTS}: {item.into or item.name!r} is not a name of an input")
    if len({item.into for item in inputs}) < len(inputs) or (len(inputs) > 1 and not all(item.into for item in inputs)):
        raise ContractError(f"{contract.INPUTS}: two inputs would be in one folder")
    return inputs
