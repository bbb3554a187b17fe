"""Packages in lists for pip that one system alone has: what `pip freeze` writes on Windows, macOS and Debian."""

from __future__ import annotations

import re

from aws_run.project.versions import normalized

_WINDOWS = frozenset(["pywin32", "pypiwin32", "pywinpty", "windows-curses", "tensorflow-intel", "twisted-iocpsupport"])
_MACOS = frozenset(["pyobjc", "pyobjc-core", "tensorflow-macos", "tensorflow-metal", "appscript"])
_MACOS_PREFIX = "pyobjc-framework-"
# Parts of the system that are written in Python; no index has them, or something else under the name.
_DEBIAN = frozenset(
    {
        "python-apt", "ubuntu-advantage-tools", "ubuntu-pro-client", "ubuntu-drivers-common", "unattended-upgrades",
        "language-selector", "command-not-found", "ufw", "cloud-init", "distro-info", "usb-creator", "xkit",
        "screen-resolution-extra", "apturl", "cupshelpers",
    }
)  # fmt: skip
_NAME = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?\s*(?P<version>===?\s*\S+)?")


def advice_on_system(line: str) -> str:
    """What to do about a requirement that this system can't meet; empty: it is none. One with a marker says itself
    where it holds."""
    match = _NAME.match(line)
    if match is None or ";" in line:
        return ""
    name, version = normalized(match["name"]), match["version"] or ""
    if name in _WINDOWS:
        return 'only Windows has it; remove it, or write `; sys_platform == "win32"` behind it'
    if name in _MACOS or name.startswith(_MACOS_PREFIX):
        return 'only macOS has it; remove it, or write `; sys_platform == "darwin"` behind it'
    if (name in _DEBIAN and version) or (name == "pkg-resources" and version.endswith("0.0.0")):
        return "a part of Debian or Ubuntu itself; remove it"
    return ""
