"""Secrets of a user's machine, each with a value of its own, through a whole submit: where do the values turn up?

They are looked for in all that a run leaves or shows: layers, history and configuration of the image, every object in the bucket,
what the commands print, with --debug too, the arguments of every child process, and what is left in temporary folders. One file may
have the values that the user gave to the job: the one that `--save-spec` names.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from tests.docker.image_support import Bench
from tests.docker.private_index import host_address, private_index

SCRIPT = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
options = parser.parse_args()
import arun_private_demo, arun_private_other
got = [os.environ[name] for name in ("FROM_SHELL", "FROM_FILE", "FROM_SECRETS_MANAGER")]
(options.o / "lengths.txt").write_text(" ".join(str(len(value)) for value in got))
"""


@dataclass
class Canaries:
    """Values by the way they come in."""

    values: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        self.values[name] = f"canary-{name}-{uuid.uuid4().hex}"
        return self.values[name]

    def seen_in(self, content: bytes) -> list[str]:
        return sorted(name for name, value in self.values.items() if value.encode() in content)


def arguments_of_children(parent: int) -> Iterator[bytes]:
    """The command lines of a process and of all below it, now."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    for pid in parents:
        above: int | None = pid
        while above is not None and above != parent:
            above = parents.get(above)
        if above == parent:
            try:
                yield (Path("/proc") / str(pid) / "cmdline").read_bytes()
            except OSError:
                continue


@dataclass
class Watched:
    """A command's output, and the arguments of its children while it ran."""

    code: int
    output: bytes
    arguments: set[bytes]


def run(environ: dict[str, str], *arguments: object) -> Watched:
    process = subprocess.Popen(
        ["aws-run", *map(str, arguments)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            lines.update(arguments_of_children(process.pid))
            over.wait(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        output = process.communicate(timeout=300)[0]
    finally:
        over.set()
        watcher.join()
    return Watched(code=process.returncode, output=output, arguments=lines)


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()


def client(service: str, environ: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        region_name=environ["AWS_DEFAULT_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )


def objects_in_s3(environ: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    s3 = client("s3", environ)
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for one in page.get("Versions", ()):
                answer = s3.get_object(Bucket=bucket["Name"], Key=one["Key"], VersionId=one["VersionId"])
                yield f"{bucket['Name']}/{one['Key']}", answer["Body"].read()


def bytes_of_images(engine: docker.DockerClient, name: str) -> Iterator[bytes]:
    images = [image for image in engine.images.list() if any(f"/arun/{name}:" in tag for tag in image.tags)]
    assert images
    for image in images:
        yield json.dumps(image.attrs).encode()
        yield json.dumps(image.history()).encode()
        last = b""
        for chunk in image.save():
            yield last[-200:] + chunk
            last = chunk


@pytest.fixture
def context(docker_engine: docker.DockerClient, registry: str, base_image: str) -> Bench:
    return Bench(engine=docker_engine, registry=registry, base_image=base_image)


def test_no_secret_of_the_machine_turns_up_anywhere(
    tmp_path: Path, context: Bench, embedded_aws: dict[str, str]
) -> None:
    canaries = Canaries()
    name = f"canary-{uuid.uuid4().hex[:8]}"
    project, data, out = (tmp_path / folder for folder in ("project", "data", "out"))
    shutil.copytree(Path(__file__).parents[2] / "examples" / "wordcount" / "data", data)
    project.mkdir()
    (project / "main.py").write_text(SCRIPT)
    (project / "aws-run.yaml").write_text("env: {FROM_SHELL: null}\n")
    env_file = tmp_path / "job.env"
    env_file.write_text(f"FROM_FILE={canaries.new('env-file')}\n")
    remote = f"https://me:{canaries.new('git-remote')}@git.example/x.git"
    for git in (["init", "--quiet"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *git], cwd=project, check=True)
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    local = "127.0.0.1,localhost,169.254.170.2"
    host = host_address(context)
    secret = client("secretsmanager", embedded_aws).create_secret(Name=name, SecretString=canaries.new("aws-secret"))
    specification = tmp_path / "job.json"
    with (
        private_index("arun-private-demo", "reader", canaries.new("index")) as port,
        private_index("arun-private-other", "builder", canaries.new("build-secret")) as other_port,
    ):
        requirements = (
            f"--extra-index-url http://builder:${{BUILD_TOKEN}}@{host}:{other_port}/simple/\n"
            "arun-private-demo\narun-private-other\n"
        )
        (project / "requirements.txt").write_text(requirements)
        environ = {
            **embedded_aws,
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "FROM_SHELL": canaries.new("shell-variable"),
            "BUILD_TOKEN": canaries.values["build-secret"],
            "AWS_RUN_TRUST_PROJECT_FILE": "1",  # it takes FROM_SHELL
            "NEVER_NAMED": canaries.new("unnamed-variable"),
            "PIP_EXTRA_INDEX_URL": f"http://reader:{canaries.values['index']}@{host}:{port}/simple/",
            "HTTP_PROXY": f"http://me:{canaries.new('proxy')}@proxy.example:3128",
            "NO_PROXY": f"{local},{host}",
        }
        options = [
            project,
            "-n",
            name,
            "-i",
            data,
            "-o",
            out,
            "--env-file",
            env_file,
            "--secret",
            f"FROM_SECRETS_MANAGER={secret['ARN']}",
            "--build-secret",
            "BUILD_TOKEN",
            "--base-image",
            context.base_image,
        ]
        first = ["submit", *options, "--save-spec", specification, "--backend", "fargate", "--debug"]
        commands = [run(environ, *first)]
        # A failure says a lot: the build's last lines, causes, hints.
        (project / "requirements.txt").write_text(f"{requirements}no-such-package-arun-zz\n")
        commands.append(run(environ, "submit", *options, "--backend", "fargate", "--debug"))
        commands.append(run(environ, "plan", *options, "--json"))
    for words in (
        ["ps", "-a", "-n", name, "--json"],
        ["explain", "-n", name],
        ["logs", "-n", name],
        ["status", "-n", name],
    ):
        commands.append(run(environ, *words))
    assert commands[0].code == 0, commands[0].output.decode()
    assert commands[1].code != 0
    lengths = [str(len(canaries.values[one])) for one in ("shell-variable", "env-file", "aws-secret")]
    assert (out / "lengths.txt").read_text() == " ".join(lengths)  # they did arrive where they belong
    assert canaries.seen_in(specification.read_bytes()) == ["env-file", "shell-variable"]
    assert specification.stat().st_mode & 0o777 == 0o600

    assert b"base image aws-run-test-base:bookworm" in commands[2].output

    seen: dict[str, list[str]] = {}
    for number, command in enumerate(commands):
        seen[f"output of command {number}"] = canaries.seen_in(command.output)
        seen[f"arguments of command {number}"] = canaries.seen_in(b"\n".join(command.arguments))
    seen["image"] = sorted({one for chunk in bytes_of_images(context.engine, name) for one in canaries.seen_in(chunk)})
    records = b""
    for key, content in objects_in_s3(environ):
        seen[f"object {key}"] = canaries.seen_in(content)
        records += content if name in key and key.endswith(".json") else b""
    assert b'"base_image": "aws-run-test-base:bookworm@sha256:' in records
    for folder in (temporary, home, out, Path(environ["XDG_STATE_HOME"])):
        for path, content in files_below(folder):
            seen[f"file {folder.name}/{path}"] = canaries.seen_in(content)
    assert {place: names for place, names in seen.items() if names} == {}
    assert len([place for place in seen if place.startswith("object ")]) > 3
    assert any(b"build" in line for command in commands for line in command.arguments)
    assert [path.name for path in temporary.iterdir() if "aws-run" in path.name] == []
