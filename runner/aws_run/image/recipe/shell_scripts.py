"""Shell scripts as the program: which of them take the two folders, and what would keep one from being started."""

from __future__ import annotations

import re

from aws_run.errors import SourceError
from aws_run.image.recipe.script_options import POSITIONAL, SHORT, choose_pair
from aws_run.image.sources.source import Source

_MAX_BYTES = 1 << 20
_GETOPTS = re.compile(r"""getopts?\s+(?:-\w+\s+)?["']?:?[A-Za-z:]*""")
_CASE_LABEL = re.compile(r"(?:^|[|\s(;])(--?[A-Za-z][\w-]*)(?==?\*?\s*(?:\)|\|))", re.MULTILINE)
_ASSIGNED = re.compile(
    r"""(?:^|[;&])[ \t]*(?:(?:export|local|readonly)[ \t]+)?(\w+)=["']?\$\{?([12])\b""", re.MULTILINE
)
_SHELLS = {"sh": "sh", "dash": "sh", "ash": "sh", "bash": "bash", "zsh": "zsh", "ksh": "ksh"}


def find_shell_scripts(source: Source) -> list[tuple[tuple[str, ...], tuple[str, str]]]:
    """(command, how it is given the folders) of each that takes both."""
    scripts: list[tuple[tuple[str, ...], tuple[str, str]]] = []
    for file in source.files:
        if file.link is None and file.size <= _MAX_BYTES and file.path.endswith((".sh", ".bash")):
            text = source.read(file.path, max_bytes=_MAX_BYTES).decode("utf-8-sig", errors="replace")
            arguments = _arguments(text)
            if arguments is not None:
                scripts.append(((shell_of(text), file.path), arguments))
    return scripts


def check_program(word: str, source: Source) -> None:
    """SourceError where a file of the project, as the first word of a command, could not be started by the kernel."""
    path = word.removeprefix("./")
    file = next((each for each in source.files if each.path == path), None)
    if file is None or file.link is not None:
        return
    if "/" not in word:
        if path.endswith((".py", ".sh", ".bash")):
            raise SourceError(
                f"The command is {word}, which is a file of the project and no program on the PATH",
                hint=f"`command: {_runs(path)} {path}`",
            )
        return
    head = source.read(path, max_bytes=max(_MAX_BYTES, file.size))[:4096]
    if head.startswith(b"\x7fELF"):
        interpreter = ""
    elif not head.startswith(b"#!"):
        raise SourceError(
            f"{path} does not begin with #!, so Linux does not know what runs it",
            hint=f"begin it with `#!/usr/bin/env {_runs(path)}`, or name the program: `command: {_runs(path)} {path}`",
        )
    else:
        interpreter = head.split(b"\n", 1)[0].decode(errors="replace")
    if interpreter.endswith("\r"):
        raise SourceError(f"{path} has Windows line ends (CRLF): {_CRLF}", hint=_crlf_hint(path))
    if file.mode & 0o111 == 0:
        raise SourceError(
            f"{path} is not executable",
            hint=f"`chmod +x {path}` and `git update-index --chmod=+x {path}`, or `command: {_runs(path)} {path}`",
        )


def check_shell_text(path: str, source: Source) -> None:
    """SourceError where a shell script of the project can't be right for a shell."""
    head = source.read(path, max_bytes=_MAX_BYTES)
    if b"\r\n" in head:
        raise SourceError(
            f"{path} has Windows line ends (CRLF), which a shell takes for a part of each command",
            hint=_crlf_hint(path),
        )


_CRLF = "the carriage return becomes a part of its interpreter's name, which is then not found"


def _crlf_hint(path: str) -> str:
    return f"`sed -i 's/\\r$//' {path}`, and `*.sh text eol=lf` in .gitattributes keeps it so"


def _runs(path: str) -> str:
    return "bash" if path.endswith((".sh", ".bash")) else "python"


def shell_of(text: str) -> str:
    """The program that its first line names; bash where it names none."""
    first = text.split("\n", 1)[0].rstrip("\r")
    name = first.rpartition("/")[2].rpartition(" ")[2] if first.startswith("#!") else "bash"
    return _SHELLS.get(name, "bash")


def _arguments(text: str) -> tuple[str, str] | None:
    plain = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE)
    for options in _GETOPTS.findall(plain):
        letters = options.rpartition("'")[2].rpartition('"')[2].rpartition(" ")[2]
        if "i:" in letters and "o:" in letters:
            return SHORT
    labels = set(_CASE_LABEL.findall(plain))
    if set(SHORT) <= labels:
        return SHORT
    pair = choose_pair(label for label in labels if label.startswith("--"))
    if pair is not None:
        return pair
    places = {number: name for name, number in _ASSIGNED.findall(plain)}
    if choose_pair(places.values()) == (places.get("1"), places.get("2")):
        return POSITIONAL
    return None
