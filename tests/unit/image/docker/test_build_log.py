from __future__ import annotations

import re
from importlib import resources

import pytest

from aws_run.errors import BuildError, DockerError
from aws_run.image.docker.build_causes import build_failure
from aws_run.image.docker.build_log import TAIL_LINES, BuildLog, in_words

# As BuildKit 0.8 and 0.12 print them; the middle steps run side by side.
REQUIREMENT = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 3.1kB done
#1 DONE 0.0s
#7 [uv 3/3] RUN set -e; python3 -m venv /opt/uv; /opt/uv/bin/python -m pip install --require-hashes -r /opt/uv.txt
#7 CACHED
#9 [dependencies 3/3] RUN set -e; export UV_PROJECT_ENVIRONMENT=/opt/venv; /opt/uv/bin/uv pip install
#9 0.412 Using Python 3.11.2 environment at: /opt/venv
#8 [stage-2 3/6] RUN set -e;     python3 -I -B /opt/aws-run/entrypoint.pyz --self-check;
#8 0.201 aws-run entrypoint works with Python 3.11
#9 0.834 error: No solution found when resolving dependencies
#9 0.834   cause: Because nonexistent was not found in the package registry
#8 CANCELED
#9 ERROR: executor failed running [/bin/sh -c set -e]: exit code: 1
------
 > [dependencies 3/3] RUN set -e;
#9 0.834 error: No solution found when resolving dependencies
#9 0.834   cause: Because nonexistent was not found in the package registry
------
executor failed running [/bin/sh -c set -e]: exit code: 1
"""
CLASSIC = """\
Step 1/3 : FROM python:3.12
 ---> 73d9f2b10af6
Step 2/3 : RUN cat /nope
 ---> Running in a30887a613e6
\x1b[91mcat: /nope: No such file or directory
\x1b[0m
The command '/bin/sh -c cat /nope' returned a non-zero code: 1
"""


def fed(text: str) -> tuple[BuildLog, list[str]]:
    steps: list[str] = []
    log = BuildLog(steps.append)
    for line in text.splitlines():
        log.feed(line)
    return log, steps


def failure(*said: str, step: str = "[dependencies 3/3] RUN pip") -> BuildError | DockerError:
    log, _ = fed(
        "\n".join([f"#9 {step}", *(f"#9 0.1 {line}" for line in said), "#9 ERROR: executor failed running [x]: 1"])
    )
    error = build_failure(log, "Python 3.12", "arm64")
    assert isinstance(error, (BuildError, DockerError))
    return error


def test_the_tail_is_the_failing_programs_own_words_once() -> None:
    log, _ = fed(REQUIREMENT)
    assert log.tail() == (
        "error: No solution found when resolving dependencies",
        "  cause: Because nonexistent was not found in the package registry",
    )


def test_steps_are_told_in_words_and_once() -> None:
    _, steps = fed(REQUIREMENT)
    assert steps == ["preparing Python", "installing dependencies", "adding the entrypoint"]


def test_each_step_of_our_own_recipe_has_words_of_its_own() -> None:
    text = (resources.files("aws_run.image") / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    steps = [line for line in joined.splitlines() if line.startswith(("RUN ", "COPY ", "ADD ", "WORKDIR"))]
    assert len(steps) > 15
    raw = [what for what in steps if in_words(what).startswith(("RUN", "COPY", "ADD", "WORKDIR"))]
    assert raw == []


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("RUN --mount=type=secret,id=ca --mount=type=cache,target=/c pip install .", "RUN pip install ."),
        ("COPY --chown=1:1 --link src /src", "COPY src /src"),
        ("COPY --from=build /wheel /wheel", "COPY --from=build /wheel /wheel"),
        ("RUN echo --mount=x", "RUN echo --mount=x"),
    ],
)
def test_a_step_is_shown_without_how_it_is_done(instruction: str, words: str) -> None:
    assert in_words(instruction) == words


def test_the_classic_builder_is_read_as_well() -> None:
    log, steps = fed(CLASSIC)
    assert steps == ["getting the base image", "RUN cat /nope"]
    assert log.tail() == ("cat: /nope: No such file or directory",)
    error = build_failure(log, "the project's Dockerfile", "x86_64")
    assert error.message == "The image did not build from the project's Dockerfile: RUN cat /nope failed"


def test_the_tail_is_short() -> None:
    error = failure(*(f"line {number}" for number in range(100)))
    assert isinstance(error, BuildError)
    assert len(error.log_tail) == TAIL_LINES
    assert error.log_tail[-1] == "line 99"


def test_a_failure_before_any_step_says_what_docker_said() -> None:
    log, _ = fed("dockerfile parse error line 2: unknown instruction: FRUM\n")
    error = build_failure(log, "the project's Dockerfile", "x86_64")
    assert isinstance(error, BuildError)
    assert error.log_tail == ("dockerfile parse error line 2: unknown instruction: FRUM",)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("Because nonexistent was not found in the package registry", "The requirement nonexistent does not exist"),
        (
            "error: No solution found when resolving dependencies\n#9 0.1 cause: Because there is no version of "
            "torch==2.1.0+cu118 and you require",
            "The package index has no torch==2.1.0+cu118",
        ),
        ("error: No solution found when resolving dependencies", "can't be installed together"),
        ("  cause: Git executable not found. Ensure that Git is installed", "the base image has no git"),
        ("exec /bin/sh: exec format error", "architecture arm64"),
        ("/bin/sh: 1: python3: not found", "has no python3"),
        ('runc: exec: "python3": executable file not found in $PATH', "has no python3"),
        ('exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown', "The base image has no shell"),
        (
            "error: Failed to install cpython-3.8.20-linux-x86_64-gnu\n#9 0.1 cause: dns error: failed to lookup",
            "uv could not fetch the Python that the project asks for, cpython-3.8.20",
        ),
        ("aws-run: this image's python3 is 3.7; 3.9 or newer is needed", "python3 is too old"),
        ("aws-run: this image's python3 is not whole, it lacks the module json", "not whole: it lacks the module json"),
        ("The virtual environment was not created because ensurepip is not available", "lacks the venv module"),
        ("ERROR: No matching distribution found for uv==0.13.8", "The package index has no ready uv==0.13.8"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash is not the pinned one"),
        ("invalid peer certificate: UnknownIssuer", "verify a server's certificate"),
        ("error: command 'gcc' failed: No such file or directory", "no compiler"),
        ("error: Unable to find lockfile at `uv.lock`", "uv.lock does not fit"),
        ("dns error: failed to lookup address information", "could not reach the network"),
        ("dial tcp: lookup index.example on 10.0.0.1:53: no such host", "could not reach the network"),
        ("httpx.ConnectError: [Errno -2] Name or service not known", "could not reach the network"),
    ],
)
def test_a_known_cause_is_one_sentence_with_a_way_out(line: str, sentence: str) -> None:
    error = failure(line)
    assert sentence in error.message
    assert error.hint is not None


def test_a_package_that_needs_more_than_a_compiler_is_told_all_of_it_at_once() -> None:
    gcc = "error: command 'gcc' failed: No such file or directory"
    hint = failure("error: Failed to build `python-ldap==3.4.7`", gcc).hint
    assert hint is not None
    assert "build: {apt: [libldap-dev, libsasl2-dev, build-essential]}" in hint


def test_a_full_disk_is_dockers_trouble_not_the_projects() -> None:
    error = failure("write /var/lib/docker/x: no space left on device")
    assert isinstance(error, DockerError)
    assert "disk" in error.message


@pytest.mark.parametrize(
    "line",
    [
        '"/nope.txt" not found: not found',
        'failed to compute cache key: failed to calculate checksum of ref abc::def: "/nope.txt": not found',
        "COPY failed: file not found in build context or excluded by .dockerignore: stat nope.txt: file does not exist",
    ],
)
def test_a_file_that_is_copied_and_was_not_sent_is_named(line: str) -> None:
    assert failure(line, step="[2/2] COPY nope.txt /").message.startswith("The Dockerfile copies nope.txt, which")


@pytest.mark.parametrize(
    "step", ["[internal] load metadata for docker.io/library/x:1", "[1/2] FROM docker.io/library/x:1"]
)
def test_a_base_image_that_cannot_be_had_is_named_even_when_the_network_is_why(step: str) -> None:
    error = failure("dial tcp: lookup registry: Temporary failure in name resolution", step=step)
    assert error.message == "The base image docker.io/library/x:1 can't be fetched"


def test_a_front_end_that_cannot_be_had_is_named_with_whose_network_it_is() -> None:
    error = failure("dial tcp: lookup registry: no such host", step="resolve image config for docker.io/docker/x:1")
    assert error.message.startswith("The front end docker.io/docker/x:1, which the Dockerfile names with `# syntax=`")
    assert "the Docker engine fetches it, with a proxy and certificates of its own" in str(error.hint)


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/", "--mount"),
        ("dockerfile parse error line 2: unknown flag: link", "link"),
    ],
)
def test_what_only_buildkit_can_do_is_named_with_where_buildkit_comes_from(line: str, needed: str) -> None:
    error = failure(line)
    assert f"needs BuildKit for {needed}" in error.message
    assert "buildx" in str(error.hint)


def test_another_steps_words_decide_nothing() -> None:
    text = REQUIREMENT.replace("#8 0.201 aws-run entrypoint works", "#8 0.2 no space left on device")
    error = build_failure(fed(text)[0], "x", "x86_64")
    assert error.message.startswith("The requirement nonexistent")
