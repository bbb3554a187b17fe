"""Commands that a package brings when it is installed, and the files of the modules behind them."""

from __future__ import annotations

import configparser

from aws_run.project.folder import Folder, read_toml, table


def console_scripts(folder: Folder) -> dict[str, str]:
    """Name → module, from pyproject.toml (PEP 621, poetry) and setup.cfg."""
    pyproject = read_toml(folder, "pyproject.toml")
    entries = {
        **table(pyproject, "tool", "poetry", "scripts"),
        **table(pyproject, "project", "gui-scripts"),
        **table(pyproject, "project", "scripts"),
    }
    if folder.has("setup.cfg"):
        entries.update(_from_setup_cfg(folder.read("setup.cfg").decode("utf-8-sig", errors="replace")))
    return {name: value.partition(":")[0].strip() for name, value in entries.items() if isinstance(value, str)}


def module_file(module: str, folder: Folder) -> str | None:
    """The file of a module of the project, wherever its package lies; of a package its `__main__.py`, or else what
    imports it."""
    path = module.replace(".", "/")
    for ending in (f"{path}.py", f"{path}/__main__.py", f"{path}/__init__.py"):
        there = [each for each in folder.paths if each == ending or each.endswith(f"/{ending}")]
        if there:
            return min(there, key=lambda each: (each.count("/"), each))
    return None


def _from_setup_cfg(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
        lines = parser.get("options.entry_points", "console_scripts", fallback="").splitlines()
    except configparser.Error:
        return {}
    pairs = [line.partition("=") for line in lines if "=" in line]
    return {name.strip(): value.strip() for name, _, value in pairs}
