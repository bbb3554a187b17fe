"""The OCI registry behind ECR: one that runs already, Debian's docker-registry as a process of ours, or our own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_run.errors import DockerError
from aws_run.local.runtime.oci import OciServer

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    digest: str
    media_type: str
    text: str


class Registry:
    """A registry at `address` (host:port), over plain HTTP as loopback registries are."""

    def __init__(self, address: str, stop: Callable[[], None] | None = None) -> None:
        self.address = address
        self._stop = stop

    @property
    def ours(self) -> bool:
        """Started by us, so it and what it holds go with us."""
        return self._stop is not None

    def tags(self, repository: str) -> list[str]:
        answer = self._get(f"{repository}/tags/list")
        return list(json.loads(answer[1]).get("tags") or []) if answer else []

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        answer = self._get(f"{repository}/manifests/{reference}")
        if answer is None:
            return None
        headers, body = answer
        return Manifest(digest=headers["Docker-Content-Digest"], media_type=headers["Content-Type"], text=body.decode())

    def delete(self, repository: str, digest: str) -> None:
        request = urllib.request.Request(f"http://{self.address}/v2/{repository}/manifests/{digest}", method="DELETE")
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - http:// stands in the text
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in (404, 405):
                raise

    def stop(self) -> None:
        if self._stop is not None:
            self._stop()

    def _get(self, path: str) -> tuple[Mapping[str, Any], bytes] | None:
        request = urllib.request.Request(f"http://{self.address}/v2/{path}", headers={"Accept": _MANIFESTS})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
                return response.headers, response.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise


def start_registry(state_dir: Path) -> Registry:
    """Debian's docker-registry on a free port where it is installed, else a small one of ours; both keep what is
    pushed in the state dir."""
    program = shutil.which("docker-registry")
    if program is None:
        own = OciServer(state_dir / "oci")
        return Registry(own.address, own.stop)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    storage = state_dir / "registry"
    storage.mkdir(parents=True, exist_ok=True)
    config = state_dir / "registry.json"  # JSON is YAML
    config.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    process = subprocess.Popen(
        [program, "serve", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Registry(f"127.0.0.1:{port}", lambda: _end(process))
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    raise DockerError("docker-registry is installed but does not start", hint=f"docker-registry serve {config}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=10)
