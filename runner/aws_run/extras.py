"""What the parts that not everybody needs are installed with."""

from __future__ import annotations

import re
import shlex


def install_hint(extra: str) -> str:
    """A command that names the packages of `extra` themselves, and works wherever the tool came from: a folder, a file
    or a repository."""
    from importlib import metadata

    try:
        needed = metadata.requires("aws-run") or []
    except metadata.PackageNotFoundError:
        needed = []
    marker = re.compile(rf"\s*;\s*extra\s*==\s*['\"]{re.escape(extra)}['\"]\s*$")
    packages = sorted(marker.sub("", text) for text in needed if marker.search(text))
    return f"pip install {shlex.join(packages)}" if packages else f"its extra [{extra}] has to be installed"
