"""The few lines that put our entrypoint on top of an image that a project's own Dockerfile made."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_run import contract
from aws_run.command_line import has_places
from aws_run.image.recipe.shell_text import is_one_command, with_arguments

# Nothing that is installed in the image has a say: -I leaves PYTHON* variables and the current folder out, -S
# site-packages with its .pth files and sitecustomize; file names are UTF-8 whatever the locale.
_PYTHON = ("python3", "-I", "-S", "-B", "-X", "utf8")
ENTRYPOINT = (*_PYTHON, "/opt/aws-run/entrypoint.pyz")

# `FROM --platform=…` gives an image that is labelled as asked and holds something else.
_MACHINE_CHECK = (
    "import os, platform, sys; found = platform.machine(); "
    "sys.exit(0 if found == os.environ['MACHINE'] else 'the image holds programs for ' + found)"
)

# STOPSIGNAL: web servers' images set another, which the entrypoint would pass on as no stop; nothing would be saved.
# The exec form of RUN needs no shell, which a distroless image does not have.
WRAP_TEMPLATE = """\
ARG PROJECT_IMAGE
FROM ${PROJECT_IMAGE}
ADD entrypoint.tar /
RUN @SELF_CHECK@
ARG MACHINE
RUN @MACHINE_CHECK@
ENV @NAME@=@ENTRYPOINT@
STOPSIGNAL SIGTERM
ENTRYPOINT @OURS@
CMD @CMD@
"""


def wrap_dockerfile(entrypoint: Sequence[str], cmd: Sequence[str]) -> str:
    """`entrypoint` and `cmd` as Docker reports them for the project's image. Ours runs the two in that order."""
    values = {
        "@SELF_CHECK@": json.dumps([*ENTRYPOINT, "--self-check"]),
        "@MACHINE_CHECK@": json.dumps([*_PYTHON, "-c", _MACHINE_CHECK]),
        "@NAME@": contract.IMAGE_ENTRYPOINT,
        "@ENTRYPOINT@": _env_value(json.dumps(list(entrypoint), separators=(",", ":"))),
        "@OURS@": json.dumps(list(ENTRYPOINT)),
        "@CMD@": json.dumps(list(cmd)),
    }
    lines = []
    for line in WRAP_TEMPLATE.splitlines():
        name = next((name for name in values if line.endswith(name)), None)
        lines.append(line.replace("@NAME@", values["@NAME@"]).removesuffix(name) + values[name] if name else line)
    return "\n".join(lines) + "\n"


def drops_arguments(entrypoint: Sequence[str], cmd: Sequence[str]) -> str | None:
    """The instruction in shell form, if there is one: `sh -c TEXT` takes what is appended as $0, $1, … and the
    project never sees -i and -o. None when they arrive."""
    if _ends_in_a_text(entrypoint):
        return "ENTRYPOINT"
    # Behind an init (tini, dumb-init, `conda run`, an own `exec "$@"`) CMD is the program.
    return "CMD" if _ends_in_a_text(cmd) else None


def keep_arguments(
    entrypoint: Sequence[str], cmd: Sequence[str], *, own_command: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """ENTRYPOINT and CMD with what is in shell form rewritten where that is safe; Docker ignores CMD behind such an
    ENTRYPOINT. `own_command`: the config's command comes in the place of CMD."""
    if has_places([*entrypoint, *cmd]):  # the folders are put where the command says
        return tuple(entrypoint), tuple(cmd)
    if _lacks_a_name(entrypoint) and (own_command or not cmd):
        return (*entrypoint, "sh"), tuple(cmd)
    if _lacks_a_name(cmd):
        return tuple(entrypoint), (*cmd, "sh")
    if _ends_in_a_text(entrypoint) and is_one_command(entrypoint[-1]) and not own_command:
        return with_arguments(entrypoint), ()
    if _ends_in_a_text(cmd) and is_one_command(cmd[-1]):
        return tuple(entrypoint), with_arguments(cmd)
    return tuple(entrypoint), tuple(cmd)


def is_shell(program: str) -> bool:
    return program.rpartition("/")[2] in ("sh", "bash", "dash", "ash", "zsh", "ksh")


def _ends_in_a_text(argv: Sequence[str]) -> bool:
    """Whether it ends like `bash -euo pipefail -c TEXT`, and the text has no place for arguments."""
    text = _shell_text(argv)
    return text is not None and not _takes_arguments(text) and not has_places([text])


def _lacks_a_name(argv: Sequence[str]) -> bool:
    """Whether it ends like `sh -c 'program "$@"'`: the shell takes the first word behind it for its own name."""
    text = _shell_text(argv)
    return text is not None and _takes_arguments(text) and "$0" not in text


def _takes_arguments(text: str) -> bool:
    return "$@" in text or "$*" in text


def _shell_text(argv: Sequence[str]) -> str | None:
    """TEXT of what ends like `bash -euo pipefail -c TEXT`."""
    if len(argv) < 3:
        return None
    shell = next((place for place in range(len(argv) - 2, -1, -1) if is_shell(argv[place])), None)
    options = argv[shell + 1 : -1] if shell is not None else ()
    is_text = bool(options) and options[-1].startswith("-") and not options[-1].startswith("--")
    return argv[-1] if is_text and options[-1].endswith("c") else None


def _env_value(text: str) -> str:
    """Quoted for ENV, where `$NAME`, quotes and backslashes mean something."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
