"""What can't be right together, found without AWS."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_run import partition
from aws_run.config.inputs import NamedInput
from aws_run.config.models import Config
from aws_run.config.paths import similar_sibling
from aws_run.config.sources import Rank, Setting
from aws_run.config.where import extended, refusal
from aws_run.errors import ConfigError, UsageError

# Fargate's largest task (aws-facts §4).
FARGATE_MAX_CPU = 16
FARGATE_MAX_MEMORY_MIB = 120 * 1024
FARGATE_MAX_DISK_GIB = 200
MAX_TAGS = 40  # AWS takes 50 on a resource; some are ours
_DAY_S = 86_400
_TEXT_MAX = 56 * 1024
_OWN_FOLDER = "results need a folder of their own: -o out"

Winners = Mapping[str, Setting]


def refuse_contradictions(winners: Winners) -> None:
    """`winners`: the setting that won, by Config field."""
    _fargate(winners)
    _gpu_and_arch(winners)
    _spot_twice(winners)
    _spot_on_fargate(winners)
    _image_and_build(winners)
    region = winners.get("region")
    if region:
        refuse_region(region.value, f"{region.where}: ")
    secrets, env = winners.get("secrets"), winners.get("env")
    both = sorted(set(secrets.value) & set(env.value)) if secrets and env else []
    if both and secrets:
        raise refusal(secrets.where, f"{both[0]} is in env as well; a variable has one source")
    tags = winners.get("tags")
    if tags and len(tags.value) > MAX_TAGS:
        raise refusal(tags.where, f"{len(tags.value)} tags; at most {MAX_TAGS} fit beside aws-run's own")


def refuse_region(region: str, where: str = "") -> None:
    """Also called with the profile's region, which only the session knows."""
    home = partition.of_region(region)
    if not home.supported:
        raise ConfigError(
            f"{where}aws-run does not work in {region}: what {home.label} has of a run's services is not known",
            hint="pass another --region, for example --region us-east-1",
        )


def refuse_too_much_text(config: Config) -> None:
    """A task definition has at most 64 KiB; tags, log settings and our own variables need some of it."""
    texts = [*config.env, *config.env.values(), *config.secrets.values(), *(config.command or ()), *config.args]
    size = len(json.dumps(texts))
    if size > _TEXT_MAX:
        raise UsageError(
            f"the arguments and variables of the job are {size // 1024} KiB; AWS takes about {_TEXT_MAX // 1024} KiB",
            hint="put them into a file of the input folder",
        )


def refuse_short_retention(config: Config, winners: Winners) -> None:
    """S3 expires objects by age, and the first outputs and the record of a running job among them."""
    shortest = -(-config.timeout_s // _DAY_S) + 1
    if config.runs_retention_days < shortest:
        where = next(winners[field].where for field in ("runs_retention_days", "timeout_s") if field in winners)
        raise refusal(
            where,
            f"with {config.runs_retention_days} days of retention S3 could remove a run's outputs while it "
            f"lasts (its timeout is {config.timeout_s / _DAY_S:.2g} days)",
            hint=f"set retention.runs to {shortest} or more",
        )


def _fargate(winners: Winners) -> None:
    backend = winners.get("backend")
    if backend is None or backend.value != "fargate":
        return

    def refuse(field: str, sentence: str) -> None:
        raise refusal(
            winners[field].where,
            f"{sentence} ({backend.where} asks for Fargate)",
            hint="use backend ec2 or auto",
        )

    cpu, memory, disk = (winners.get(f"resources.{name}") for name in ("cpu", "memory_mib", "disk_gib"))
    if _value(winners, "resources.gpu") is not None:
        refuse("resources.gpu", "Fargate has no GPUs")
    if _value(winners, "resources.instance_types"):
        refuse("resources.instance_types", "Fargate has no instance types")
    if cpu and cpu.value.value > FARGATE_MAX_CPU:
        refuse("resources.cpu", f"a Fargate task has at most {FARGATE_MAX_CPU} vCPU")
    if memory and memory.value.value > FARGATE_MAX_MEMORY_MIB:
        refuse("resources.memory_mib", f"a Fargate task has at most {FARGATE_MAX_MEMORY_MIB // 1024}GB of memory")
    if disk and disk.value > FARGATE_MAX_DISK_GIB:
        refuse("resources.disk_gib", f"a Fargate task has at most {FARGATE_MAX_DISK_GIB}GB of disk")


def _gpu_and_arch(winners: Winners) -> None:
    if _value(winners, "resources.gpu") is None:
        return
    if _value(winners, "resources.arch") == "arm64":  # ECS has no machine image for the few arm64 types with GPUs
        raise refusal(
            winners["resources.gpu"].where, "GPUs can't be had beside an arm64 processor", hint="use arch x86_64"
        )


def _spot_twice(winners: Winners) -> None:
    spot = winners.get("spot_policy")
    other = spot.hidden if spot and spot.rank == Rank.SPOT_FLAG else None
    if other is not None and other.rank == Rank.FLAG and other.value != "spot":
        raise UsageError(f"--spot and --spot-policy {other.value} contradict each other", hint="give one of them")


def _spot_on_fargate(winners: Winners) -> None:
    spot, backend = winners.get("spot_policy"), winners.get("backend")
    if spot and backend and spot.value == "auto" and backend.value == "fargate":
        raise refusal(
            spot.where,
            f"Fargate Spot never falls back to on-demand by itself ({backend.where} asks for Fargate)",
            hint="use --backend ec2, or --spot for spot only",
        )


def _image_and_build(winners: Winners) -> None:
    image = winners.get("image")
    for field in ("build.dockerfile", "build.base_image"):
        build = winners.get(field)
        if image and build and image.rank == build.rank:
            raise refusal(
                build.where,
                f"there is nothing to build, because {image.where} names a ready image",
                hint="give one of them",
            )


def refuse_unset_build_secrets(config: Config, winners: Winners, environ: Mapping[str, str]) -> None:
    unset = [name for name in config.build.secrets if not environ.get(name)]
    if unset:
        raise ConfigError(
            f"{winners['build.secrets'].where}: {unset[0]} is not set in this shell",
            hint=f"export {unset[0]}=…, or take it out of the list",
        )


def refuse_folders(config: Config, winners: Winners, *, detached: bool) -> None:
    """-i must exist, and it must be possible to create -o."""
    if not config.inputs:
        raise UsageError("no input folder is given", hint="give it with -i DIR (or `input:` in aws-run.yaml)")
    need_output(config.output, detached=detached, hint="give it with -o DIR (or `output:` in aws-run.yaml)")
    if config.output is not None:
        refuse_output(config.output, winners["output"].where, project_dir=config.project_dir)
    where = winners["inputs"].where
    for given, one in zip(winners["inputs"].value, config.inputs, strict=True):
        if one.folder is None:
            continue  # checked later, in AWS
        _input(one.folder, where if len(config.inputs) == 1 else extended(where, f" {given}"), given)
        if config.output is not None:
            _apart(one.folder, config.output, winners)


def need_output(output: Path | None, *, detached: bool, hint: str) -> None:
    """UsageError for a run that is followed and has no place for its results."""
    if output is None and not detached:
        raise UsageError("no output folder is given", hint=hint)


def _input(path: Path, where: str, given: NamedInput) -> None:
    if not path.exists():
        meant = Path(str(given))  # `year=2024` is a folder's name as well
        hint = f"for the folder {meant} write ./{meant}" if given.name and (path.parent / meant.name).is_dir() else None
        if hint is None and (near := similar_sibling(path)) is not None and near.is_dir():
            hint = f"did you mean {near.name}?"
        raise refusal(where, "no such folder", hint=hint)
    if not path.is_dir():
        raise refusal(where, "is a file; the input is a folder", hint="give the folder that holds it")
    if not os.access(path, os.R_OK | os.X_OK):
        raise refusal(where, "can't be read by this user")


def refuse_output(path: Path, where: str, *, project_dir: Path | None) -> None:
    """ConfigError where no folder can be made at `path`, or where it is no folder of results; `where` names its source.
    `project_dir`: None where a project may well lie below it, as below a folder that has results already."""
    real = path.resolve()
    if real == Path(real.anchor) or any(home.is_relative_to(real) for home in _home()):
        raise refusal(where, f"is {real}, which holds far more than results", hint=_OWN_FOLDER)
    if project_dir is not None:
        _refuse_around(real, where, project_dir.resolve())
    if path.exists() and not path.is_dir():
        raise refusal(where, "is a file; results go into a folder")
    above = next(parent for parent in (path, *path.parents) if parent.exists())
    if not above.is_dir():
        raise refusal(where, f"{above} is a file, so no folder can be made in it")
    if not os.access(above, os.W_OK | os.X_OK):
        raise refusal(where, f"{above} can't be written by this user")


def _home() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # this user has none
        yield Path("~").expanduser().resolve()


def _refuse_around(output: Path, where: str, project_dir: Path) -> None:
    """Both resolved."""
    if output == project_dir:
        raise refusal(where, "is the project's folder, so results could replace the script", hint=_OWN_FOLDER)
    if project_dir.is_relative_to(output):
        text = f"is {output}, which holds {project_dir} and more; results would lie among all that"
        raise refusal(where, text, hint=_OWN_FOLDER)


def _apart(source: Path, target: Path, winners: Winners) -> None:
    # Resolved, so that a link or a `..` can't hide that they are the same place.
    inside, outside = target.resolve(), source.resolve()
    if inside == outside:
        raise refusal(winners["output"].where, "is the input folder", hint=_OWN_FOLDER)
    if inside.is_relative_to(outside):
        raise refusal(
            winners["output"].where,
            "lies inside the input folder, so results would be sent as input next time",
            hint=_OWN_FOLDER,
        )


def _value(winners: Winners, field: str) -> Any:
    given = winners.get(field)
    return given.value if given else None
