"""A task in a container trusts what this machine trusts, where it says so."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from aws_run.local.runtime.base import ContainerSpec, StartFailed
from aws_run.local.runtime.docker import DockerRuntime
from aws_run.local.runtime.machine_ca import PATH, as_archive, ca_environment, ca_of_machine


class FakeContainer:
    def __init__(self) -> None:
        self.archives: list[tuple[str, bytes]] = []

    def put_archive(self, path: str, data: bytes) -> None:
        self.archives.append((path, data))

    def attach_socket(self, params: dict[str, int]) -> Any:
        raise APIError("not here")  # nothing more is needed of it

    def remove(self, *, force: bool, v: bool) -> None: ...


class FakeEngine:
    """Both collections of an engine."""

    def __init__(self, variables: list[str]) -> None:
        self.containers = self.images = self
        self.made = FakeContainer()
        self.environment: dict[str, str] = {}
        self.attrs = {"Config": {"Env": variables}}

    def create(self, image: str, *, environment: dict[str, str], **rest: Any) -> FakeContainer:
        self.environment = environment
        return self.made

    def get(self, image: str) -> FakeEngine:
        return self


def started(engine: FakeEngine, environment: dict[str, str]) -> None:
    runtime = object.__new__(DockerRuntime)
    runtime._client, runtime._cpus, runtime._identity = engine, 2, "x"  # type: ignore[assignment]
    runtime._hold = type("Hold", (), {"path": "/lock"})()
    spec = ContainerSpec(
        task_id="t", name="job", image="job:1", entry_point=None, command=None, environment=environment, cpu_units=0,
        memory_mib=None, mounts=(), user=None, working_dir=None, shm_mib=None, init=False,
    )  # fmt: skip
    with pytest.raises(StartFailed):
        runtime.start(spec, lambda line: None)


def test_a_task_gets_the_bundle_that_this_machine_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    engine = FakeEngine(["PATH=/bin", "PIP_CERT=/own.pem"])
    started(engine, {"REQUESTS_CA_BUNDLE": "/mine.pem"})
    assert engine.environment == {"SSL_CERT_FILE": PATH, "CURL_CA_BUNDLE": PATH, "REQUESTS_CA_BUNDLE": "/mine.pem"}
    [(root, archive)] = engine.made.archives
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        member = packed.getmember(PATH.lstrip("/"))
        content = packed.extractfile(member)
        assert (root, member.mode, member.uid) == ("/", 0o444, 0)
        assert content is not None
        assert content.read() == b"PEM"


def test_a_task_gets_nothing_where_this_machine_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    engine = FakeEngine([])
    started(engine, {"A": "1"})
    assert engine.environment == {"A": "1"}
    assert not engine.made.archives


def test_a_bundle_that_can_not_be_read_ends_no_task(tmp_path: Path) -> None:
    assert ca_of_machine({"SSL_CERT_FILE": str(tmp_path / "absent.pem")}) is None
    assert ca_of_machine({}) is None
    assert "AWS_CA_BUNDLE" not in ca_environment([])
    assert as_archive(b"x")
