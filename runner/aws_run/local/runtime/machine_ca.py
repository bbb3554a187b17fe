"""The CA bundle of this machine, for tasks that run on its network.

Behind a proxy that opens TLS, a container of any image trusts no server: `pip`, `requests` and model hubs fail in a run
of the embedded AWS, and nowhere else. Certificates are no secret. On AWS tasks have AWS's own network, and nothing of
this.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping

from aws_run.errors import ConfigError
from aws_run.image.docker.build_secrets import CA_READ_BY_PROGRAMS, CA_VARIABLES, ca_bundle

PATH = "/opt/aws-run/machine-ca.pem"


def ca_of_machine(environ: Mapping[str, str]) -> bytes | None:
    """None: this machine names no bundle, or one that can't be read."""
    try:
        return ca_bundle({name: value for name, value in environ.items() if name in CA_VARIABLES})
    except ConfigError:
        return None


def ca_environment(taken: Iterable[str]) -> dict[str, str]:
    """Variables that lead programs to the bundle. AWS_CA_BUNDLE is none of them: it is for the address of AWS.
    `taken`: those that the task, or its image, sets itself."""
    return {name: PATH for name in CA_READ_BY_PROGRAMS if name not in set(taken)}


def as_archive(bundle: bytes) -> bytes:
    """A tar for the root of a container; root's, and readable by any user."""
    entry = tarfile.TarInfo(PATH.lstrip("/"))
    entry.size, entry.mode = len(bundle), 0o444
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(bundle))
    return packed.getvalue()
