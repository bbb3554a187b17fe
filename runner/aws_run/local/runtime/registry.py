"""The OCI registry behind ECR: one that runs already, or our own."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.ask import direct
from aws_run.local.runtime.oci import OciServer, basic

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@frozen
class Manifest:
    digest: str
    media_type: str
    text: str


class Registry:
    """A registry at `address` (host:port), over plain HTTP as loopback registries are."""

    def __init__(self, address: str, stop: Callable[[], None] | None = None, password: str | None = None) -> None:
        self.address = address
        self.immutable: set[str] = set()  # repositories whose tags can't be pushed again; only our own registry obeys
        self.password = password  # of the user AWS; None where it asks for none
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
        try:
            direct().open(self._request(f"{repository}/manifests/{digest}", "DELETE"), timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in (404, 405):
                raise

    def stop(self) -> None:
        if self._stop is not None:
            self._stop()

    def _get(self, path: str) -> tuple[Mapping[str, Any], bytes] | None:
        try:
            with direct().open(self._request(path), timeout=10) as response:
                return response.headers, response.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise

    def _request(self, path: str, method: str = "GET") -> urllib.request.Request:
        login = {} if self.password is None else {"Authorization": basic(self.password)}
        return urllib.request.Request(
            f"http://{self.address}/v2/{path}", headers={"Accept": _MANIFESTS, **login}, method=method
        )


def start_registry(state_dir: Path) -> Registry:
    """A small one of ours on a free port, with a password that is new; it keeps what is pushed in the state folder."""
    password = secrets.token_urlsafe(30)
    own = OciServer(state_dir / "oci", password)
    registry = Registry(own.address, own.stop, password)
    registry.immutable = own.immutable
    return registry
