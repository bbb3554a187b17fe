"""What has to be installed for the parts of aws-run that not everybody needs."""

from __future__ import annotations

import re
import shlex


def install_hint(extra: str) -> str:
    """A command that works wherever aws-run came from: it names the packages of `extra` themselves, since aws-run may
    have been installed from a folder, a file or a repository."""
    from importlib import metadata

    try:
        needed = metadata.requires("aws-run") or []
    except metadata.PackageNotFoundError:
        needed = []
    marker = re.compile(rf"\s*;\s*extra\s*==\s*['\"]{re.escape(extra)}['\"]\s*$")
    packages = sorted(marker.sub("", text) for text in needed if marker.search(text))
    return f"pip install {shlex.join(packages)}" if packages else f"install aws-run with its extra [{extra}]"
