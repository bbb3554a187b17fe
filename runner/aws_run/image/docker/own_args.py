"""What a Dockerfile of the project's own gets of this machine's network without asking for it, and how it asks."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Docker's predefined arguments: every RUN has them without an ARG, and no layer, history or cache key does (Dockerfile
# reference, "Predefined ARGs").
_PREDEFINED = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
_ARG = re.compile(r"^[ \t]*ARG[ \t]+(?P<name>\w+)", re.IGNORECASE | re.MULTILINE)

_MOUNTED = (
    "behind a company proxy, set SSL_CERT_FILE to its CA bundle here, and mount it in the step of {path}: "
    "RUN --mount=type=secret,id=ca --mount=type=secret,id=settings . /run/secrets/settings; pip install …"
)
_CLASSIC = (
    "this Docker engine's builder can't mount the CA bundle of a company proxy: install Docker's buildx, or copy the "
    "bundle into the project and say so in {path}, before the step: COPY ca.pem /ca.pem, then "
    "ARG SSL_CERT_FILE=/ca.pem and ARG PIP_CERT=/ca.pem"
)


def dockerfile_args(text: str, exports: Mapping[str, str]) -> dict[str, str]:
    """Build arguments for a Dockerfile: the proxies, and what else of `exports` it declares with ARG, which the image's
    history then has. `exports`: variables of this machine that mean something in a container."""
    declared = {match["name"] for match in _ARG.finditer(text)}
    proxies = {*_PREDEFINED, *(name.lower() for name in _PREDEFINED)}
    return {name: value for name, value in exports.items() if name in proxies or name in declared}


def certificate_hint(path: str, *, mounts: bool) -> str:
    """What helps where a step of that Dockerfile trusts no server. `mounts`: the builder can mount secrets."""
    return (_MOUNTED if mounts else _CLASSIC).format(path=path)
