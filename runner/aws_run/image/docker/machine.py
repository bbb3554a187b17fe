"""What this machine remembers of its image builds: a secret of its own, in a folder that only its user may read."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_KEY_BYTES = 32
_KEY_FILE = "build-cache.key"


class BuildMachine:
    """The user's state folder. Where it can't be written nothing is remembered, and builds work all the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> BuildMachine:
        base = environ.get("XDG_STATE_HOME")
        home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
        return cls((Path(base) if base else Path(home) / ".local" / "state") / "aws-run" / "image")

    def cache_id(self, project: Path) -> str:
        """The name of the cache mount that builds of the project in this folder use, and no others.

        A Dockerfile may mount any cache whose name it knows, so the name can't be guessed from the project's: it is
        keyed with the secret. The folder, not the project's name, tells projects apart: two may have one name.
        """
        digest = hmac.new(self._key(), os.fsencode(project.resolve()), hashlib.sha256)
        return f"aws-run-{digest.hexdigest()}"

    def read(self, name: str) -> dict[str, Any]:
        """A JSON object that `write` left; empty where there is none that can be read."""
        try:
            content = json.loads((self._folder / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        with suppress(OSError):
            self._put(name, json.dumps(content, indent=1, sort_keys=True).encode(), replace=True)

    def _key(self) -> bytes:
        path = self._folder / _KEY_FILE
        with suppress(OSError):
            if not path.exists():
                # The first of two processes wins; both then read the same secret.
                with suppress(FileExistsError):
                    self._put(_KEY_FILE, secrets.token_bytes(_KEY_BYTES), replace=False)
            content = path.read_bytes()
            if len(content) == _KEY_BYTES:
                return content
        # Without a folder of our own each build has a cache of its own: slower, and nobody else's.
        return secrets.token_bytes(_KEY_BYTES)

    def _put(self, name: str, content: bytes, *, replace: bool) -> None:
        """The whole file or none: readers never see a half."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, part = tempfile.mkstemp(dir=self._folder)  # 0600
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
            if replace:
                Path(part).replace(self._folder / name)
            else:
                os.link(part, self._folder / name)
        finally:
            with suppress(FileNotFoundError):
                Path(part).unlink()


__all__ = ["BuildMachine"]
