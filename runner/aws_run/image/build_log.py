"""Docker's build output: what is going on, and, when it fails, the lines that say why."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from aws_run.errors import AwsRunError, BuildError, DockerError

TAIL_LINES = 20
_KEPT_LINES = 400

# `#12 [dependencies 3/4] RUN …`, `#12 0.412 text`, `#12 DONE 0.1s`
_PLAIN = re.compile(r"^#\d+ (?P<rest>.*)$")
_STAMP = re.compile(r"^\d+\.\d+ ")
_STEP = re.compile(r"^\[(?:(?P<stage>\S+) +)?\d+/\d+\] (?P<what>.*)$")
_CLASSIC_STEP = re.compile(r"^Step \d+/\d+ : (?P<what>.*)$")
_NOISE = re.compile(
    r"^(?:DONE|CACHED|sha256:|extracting |resolve |transferring |exporting |writing image|naming to|\[internal\]|load )"
    r"|^(?:-+> [0-9a-f]{12}|-+> Running in|-+> Using cache|Removing intermediate|Step \d+/\d+ : )"
    r"|^(?:-+|>>>.*|\.{3,}|\s*)$"
    r"|^ *\d+ \| |^Dockerfile:\d+$|^ > \[|^executor failed running|^(?:ERROR: )?failed to solve"
    r"|^ERROR: (?:process|executor failed)|^The command '.*' returned a non-zero code"
    r"|^DEPRECATED: |^ +(?:Install the buildx|https://docs\.docker)"
    r"|\[notice\] A new release of pip|WARNING: Running pip as|^(?:Downloading|Resolved|Prepared|Using cached) "
)
# What the parts of our recipe do, in words.
_WORDS = (
    ("self-check", "adding the entrypoint"),
    ("install.*uv>=", "preparing Python"),
    ("UV_PROJECT_ENVIRONMENT", "installing dependencies"),
    ("COPY deps/", "copying dependency files"),
    ("COPY .*app/", "copying the code"),
    ("COPY --from=dependencies", "adding dependencies"),
    ("WORKDIR", "preparing the folder"),
    ("ADD entrypoint", "adding the entrypoint"),
    ("^FROM ", "getting the base image"),
)


class BuildLog:
    """Feed it lines; `on_step` hears what each new step does. Stages run side by side: no common count."""

    def __init__(self, on_step: Callable[[str], None]) -> None:
        self._on_step = on_step
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def feed(self, line: str) -> None:
        plain = _PLAIN.match(line)
        text = plain["rest"] if plain else line
        step = _STEP.match(text) or _CLASSIC_STEP.match(text)
        if step is not None:
            self._on_step(_in_words(step["what"]))
            return
        text = _STAMP.sub("", text, count=1) if plain else text
        self._lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def tail(self) -> tuple[str, ...]:
        """The last lines of the failing program's own message. BuildKit prints them twice; once is enough."""
        kept: dict[str, None] = {}
        for line in self._lines:
            if not _NOISE.search(line):
                text = line.rstrip()
                kept.pop(text, None)
                kept[text] = None
        return tuple(kept)[-TAIL_LINES:]


def _in_words(what: str) -> str:
    for pattern, words in _WORDS:
        if re.search(pattern, what):
            return words
    return what if len(what) <= 60 else f"{what[:57]}..."


# The first that matches the output decides what is said. {0} is the pattern's first group.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"no space left on device",
        "The disk of the Docker engine is full",
        "free some: docker system prune, or docker builder prune for the build cache",
    ),
    (
        r"exec format error|exec user process caused",
        "This machine can't run programs of the architecture {arch}",
        "install QEMU's emulation (docker run --privileged --rm tonistiigi/binfmt --install all), or change --arch",
    ),
    (
        r"no match for platform|does not match the specified platform|no matching manifest",
        "The base image does not exist for the architecture {arch}",
        "choose another base image or change --arch",
    ),
    (
        r"(?:python3|\"python3\").*(?:not found|no such file|executable file not found)",
        "The image has no python3, and aws-run needs Python 3.9 or newer in it to move files in and out",
        "install python3 in the Dockerfile, or choose another base image",
    ),
    (
        r"(?:aws-run needs|needs) Python (?:>= ?)?3\.9",
        "The image's python3 is too old; aws-run needs Python 3.9 or newer in it to move files in and out",
        "install a newer python3 in the Dockerfile, or choose another base image",
    ),
    (
        r"ensurepip is not|No module named venv|No module named ensurepip",
        "The base image's Python lacks the venv module",
        "choose a base image with it (Debian: python3-venv), or give the project a Dockerfile",
    ),
    (
        r"Git executable not found|git.*: not found|Cannot find command 'git'",
        "A requirement comes from git, and the base image has no git",
        "set build.base_image to one with git (python:3.12-bookworm has it), or give the project a Dockerfile",
    ),
    (
        r"Because ([^\s]+) was not found in the package registry",
        "The requirement {0} does not exist in the package index",
        "correct its name, or set PIP_INDEX_URL or UV_INDEX to the index that has it",
    ),
    (
        r"No solution found when resolving dependencies",
        "The requirements can't be installed together",
        "read the lines above: they name the versions that exclude each other",
    ),
    (
        r"The lockfile at .* needs to be updated|Unable to find lockfile",
        "uv.lock does not fit pyproject.toml",
        "run `uv lock` and commit the result",
    ),
    (
        r"(?:CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer|self.signed certificate)",
        "The build could not verify a server's certificate",
        "behind a company proxy, set SSL_CERT_FILE to its CA bundle; it is handed to the build",
    ),
    (
        r"(?:gcc|g\+\+|cc|clang|cargo)['\"]? ?(?:failed|: not found|: command not found|: No such file)"
        r"|command 'gcc' failed|error: linker",
        "A requirement has no ready package for this Python and must be compiled, but the base image has no compiler",
        "choose a version with wheels, another build.python, or a base image with a compiler (python:3.12-bookworm)",
    ),
    (
        r"failed to (?:compute cache key|calculate checksum).*?\"?/?([^\s\":]+)\"?: not found"
        r"|(?:COPY|ADD) failed: .*?([^\s/]+): no such file",
        "The Dockerfile copies {0}, which is not among the files that are sent",
        "files that git or an ignore file leaves out are not sent: check .gitignore, .dockerignore and .awsrunignore",
    ),
    (
        r"(?:failed to resolve source metadata for|failed to load metadata for|pull access denied for|manifest for"
        r"|failed to do request: Head) \"?([^\s\",]+)",
        "The base image {0} can't be fetched",
        "check its name and the network; build.base_image (or --base-image) chooses another",
    ),
    (
        r"Temporary failure in name resolution|Could not resolve host|dns error|Network is unreachable"
        r"|Failed to establish a new connection|Connection timed out|Connection refused",
        "The build could not reach the network",
        "check the connection and proxy settings (HTTPS_PROXY, PIP_INDEX_URL) and run the command again",
    ),
)


def build_failure(log: BuildLog, what: str, arch: str) -> AwsRunError:
    """What to raise for a build that failed; `what` names the recipe."""
    tail = log.tail()
    for pattern, message, hint in _CAUSES:
        match = re.search(pattern, log.text, re.IGNORECASE)
        if match is None:
            continue
        group = next((found for found in match.groups() if found), "") if match.groups() else ""
        sentence = message.format(group, arch=arch)
        if "disk" in message and "full" in message:
            return DockerError(sentence, hint=hint)
        return BuildError(sentence, log_tail=tail, hint=hint)
    return BuildError(f"The image did not build ({what})", log_tail=tail, hint="the last lines above say why")
