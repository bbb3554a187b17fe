"""Why a build failed, in a sentence, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

from aws_run.errors import AwsRunError, BuildError, DockerError, Place
from aws_run.image.base import not_had_hint
from aws_run.image.docker.build_log import BuildLog, in_words
from aws_run.project.missing.find import find_missing

_CERTIFICATE = r"(?:CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer|self.signed certificate)"
_COMPILER = "build: {apt: [build-essential]}"
_DISK_FULL = r"no space left on device"

# The first that matches the failed step's output decides what is said. {0} is the pattern's first group, {apt} the
# setting that brings the Debian packages.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        _DISK_FULL,
        "The disk of the Docker engine is full",
        "free some: docker system prune, or docker builder prune for the build cache",
    ),
    (
        r"the (--[a-z]+) option requires BuildKit|unknown flag: (?:--)?([a-z-]+)",
        "The Dockerfile needs BuildKit for {0}, and this machine's Docker has only its classic builder",
        "install Docker's command line with buildx (docker-buildx-plugin): what builds an image then uses it",
    ),
    (
        r"exec format error|exec user process caused",
        "This machine can't run programs of the architecture {arch}",
        "install QEMU's emulation (docker run --privileged --rm tonistiigi/binfmt --install all), or change --arch",
    ),
    (
        r"^the image holds programs for (\S+)",
        "The image is for {0}, but {arch} was asked for",
        "change --arch, or choose a base image of that architecture (`FROM --platform` in the Dockerfile fixes one)",
    ),
    (
        r"no match for platform|does not match the specified platform|no matching manifest",
        "The base image does not exist for the architecture {arch}",
        "choose another base image or change --arch",
    ),
    (
        r"python3\"?: (?:executable file )?not found|python3\"?: (?:stat .*: )?no such file or directory: unknown",
        "The image has no python3, and aws-run needs Python 3.9 or newer in it to move files in and out",
        "install python3 in the Dockerfile, or choose another base image",
    ),
    (
        r"/bin/sh\"?: (?:executable file )?not found|/bin/sh\"?: (?:stat .*: )?no such file or directory",
        "The base image has no shell, so neither aws-run's recipe nor a RUN line can install anything in it",
        "choose a base image with a shell and Python 3.9 or newer, such as python:3.12-slim-bookworm",
    ),
    (
        r"python3 is [\d.]+; 3\.9 or newer",
        "The image's python3 is too old; aws-run needs Python 3.9 or newer in it to move files in and out",
        "install a newer python3 in the Dockerfile, or choose another base image",
    ),
    (
        r"python3 is not whole, it lacks the module (\S+)",
        "The image's python3 is not whole: it lacks the module {0}, which aws-run needs to move files in and out",
        "install python3 where python3-minimal is; a Python built from source needs OpenSSL's and zlib's headers",
    ),
    (
        r"ensurepip is not|No module named venv|No module named ensurepip",
        "The base image's Python lacks the venv module",
        "choose a base image with it (Debian: python3-venv), or give the project a Dockerfile",
    ),
    (
        r"Git executable not found|\bgit: (?:command )?not found|Cannot find command 'git'",
        "A requirement comes from git, and the base image has no git",
        "set `build: {apt: [git]}`, or build.base_image to one with git (python:3.12-bookworm has it)",
    ),
    (
        r"No matching distribution found for (uv==\S+)",
        "The package index has no ready {0}, which installs the requirements",
        "PIP_INDEX_URL names the index: it has to carry that version (a mirror of PyPI does), or give the project a "
        "Dockerfile",
    ),
    (
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "The package index has a file for uv whose hash is not the pinned one",
        "somebody changed it on the way: check the index that PIP_INDEX_URL names, and the proxy",
    ),
    (
        r"(?:unable to detect version for|setuptools-scm was unable|Unable to determine the version)",
        "The version of the project comes from git, which is never sent to a build",
        "set SETUPTOOLS_SCM_PRETEND_VERSION in the Dockerfile; without one, tag the project: the version is read here",
    ),
    (
        r"Because ([^\s]+) was not found in the package registry",
        "The requirement {0} does not exist in the package index",
        "correct its name, or set PIP_INDEX_URL or UV_INDEX to the index that has it",
    ),
    (
        r"there is no version of ([\w.-]+==[\w.]+\+[\w.]+)",
        "The package index has no {0}: what has a `+` in its version comes from an index of its own",
        "add the line `--extra-index-url ADDRESS` with that index to the list, or leave out the `+` and what follows",
    ),
    (
        r"No solution found when resolving dependencies",
        "The requirements can't be installed together",
        "the last lines of the build name the versions that exclude each other",
    ),
    (
        r"The lockfile at .* needs to be updated|Unable to find lockfile",
        "uv.lock does not fit pyproject.toml",
        "run `uv lock` and commit the result",
    ),
    (
        r"Failed to install (cpython-\d+\.\d+\.\d+)|No download found for request: (cpython-\d+\.\d+\.\d+)",
        "uv could not fetch the Python that the project asks for, {0}",
        "the build has to reach github.com or the mirror of it that UV_PYTHON_INSTALL_MIRROR names; build.python "
        "chooses a version that a base image has",
    ),
    (
        _CERTIFICATE,
        "The build could not verify a server's certificate",
        "behind a company proxy, set SSL_CERT_FILE to its CA bundle; it is handed to the build",
    ),
    (
        r"(?:gcc|g\+\+|cc|clang|cargo)['\"]?(?: failed)?: (?:not found|command not found|No such file)"
        r"|error: linker",
        "A requirement has no ready package for this Python and must be compiled, but the base image has no compiler",
        "set `{apt}`, or choose a version with wheels or another build.python",
    ),
    (
        r"Temporary failure in name resolution|Name or service not known|lookup \S+ on \S+: no such host"
        r"|Could not resolve host|dns error"
        r"|Network is unreachable|Failed to establish a new connection|Connection timed out|Connection refused",
        "The build could not reach the network",
        "check the connection and proxy settings (HTTPS_PROXY, PIP_INDEX_URL) and run the command again",
    ),
)


# For COPY and ADD only: other programs say "not found" of other things.
_COPY_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"\"/?([^\s\"]+)\":? not found"
        r"|(?:COPY|ADD) failed: .*?(?:stat |lstat )?([^\s/:]+): (?:no such file|file does not exist)",
        "The Dockerfile copies {0}, which is not among the files that are sent",
        "the folders of -i and -o are not sent (the job gets them as data), nor are files that git or an ignore file "
        "leaves out: check .gitignore, .dockerignore and .awsrunignore",
    ),
)
# For the step that gets the base image, a network that is down is no news about packages.
_BASE_CAUSES = _CAUSES[:5]
_BASE_STEP = re.compile(r"^(?:load metadata for|FROM) (?P<image>\S+)")
_FRONT_END_STEP = re.compile(r"^resolve image config for (?:docker-image://)?(?P<image>\S+)")
_UNREACHABLE = re.compile(r"dial tcp|no such host|i/o timeout|x509: |TLS handshake|connection refused", re.IGNORECASE)
_ENGINES_NETWORK = " (the Docker engine fetches it, with a proxy and certificates of its own, not this shell's)"


def build_failure(
    log: BuildLog,
    what: str,
    arch: str,
    place: Callable[[str, str], Place | None] = lambda step, named: None,
    certificate_hint: str | None = None,
) -> AwsRunError:
    """What to raise for a build that failed; `what` names the recipe. `place`: where in the project's files the failed
    step is, or what the cause names (the name of a package); None where it is in none.
    `certificate_hint`: what helps with certificates in a Dockerfile that is not ours."""
    tail = log.tail()
    missing = find_missing(log.text)
    base = _BASE_STEP.match(log.failed_step)
    causes = _CAUSES if base is None else _BASE_CAUSES
    if log.failed_step.startswith(("COPY ", "ADD ")):
        causes = _COPY_CAUSES + causes
    for pattern, message, hint in causes:
        match = re.search(pattern, log.text, re.IGNORECASE | re.MULTILINE)
        if match is not None:
            group = next((text for text in match.groups() if text), "")
            sentence = message.format(group, arch=arch)
            hint = hint.replace("{apt}", missing.setting if missing is not None else _COMPILER)
            if pattern == _DISK_FULL:
                return DockerError(sentence, hint=hint)
            if pattern == _CERTIFICATE and certificate_hint is not None:
                hint = certificate_hint
            return BuildError(sentence, log_tail=tail, hint=hint, place=place(log.failed_step, group))
    if missing is not None and base is None:
        return BuildError(
            f"The image has no {missing.what}, which the build needs",
            log_tail=tail,
            hint=missing.remedy,
            place=place(log.failed_step, ""),
        )
    engines = _ENGINES_NETWORK if _UNREACHABLE.search(log.text) else ""
    if base is not None:
        return BuildError(
            f"The base image {base['image']} can't be fetched",
            log_tail=tail,
            hint=not_had_hint(engines),
            place=place(f"FROM {base['image']}", ""),
        )
    front_end = _FRONT_END_STEP.match(log.failed_step)
    if front_end is not None:
        return BuildError(
            f"The front end {front_end['image']}, which the Dockerfile names with `# syntax=`, can't be fetched",
            log_tail=tail,
            hint=f"check its name and the network{engines}; without that line the engine's own front end is used",
            place=place("", ""),
        )
    failed = f"{in_words(log.failed_step)} failed" if log.failed_step else "Docker refused it"
    return BuildError(
        f"The image did not build from {what}: {failed}",
        log_tail=tail,
        hint="the last lines of the build say why",
        place=place(log.failed_step, ""),
    )
