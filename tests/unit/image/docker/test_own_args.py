"""A Dockerfile of the project's own behind a company's proxy: what it gets, and what it is told to ask for."""

from __future__ import annotations

import pytest

from aws_run.image.docker.build_causes import build_failure
from aws_run.image.docker.build_log import BuildLog
from aws_run.image.docker.build_secrets import read_build_secrets
from aws_run.image.docker.own_args import certificate_hint, dockerfile_args

ENVIRON = {
    "HTTPS_PROXY": "http://ann:word@proxy.example:3128",
    "no_proxy": "example.org",
    "PIP_INDEX_URL": "https://token@index.example/simple",
    "UV_INDEX": "https://more.example/simple",
}


def args(dockerfile: str, *, passwords: bool) -> dict[str, str]:
    return dockerfile_args(dockerfile, read_build_secrets(ENVIRON, passwords=passwords).exports)


def test_every_dockerfile_gets_the_proxies_and_an_index_that_it_declares() -> None:
    proxies = {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"}
    assert set(args("FROM python:3.12\nRUN pip install x\n", passwords=False)) == proxies
    declared = args("FROM python:3.12\n  arg PIP_INDEX_URL\nARG OTHER=1\n# ARG UV_INDEX\n", passwords=False)
    assert set(declared) == {*proxies, "PIP_INDEX_URL"}


@pytest.mark.parametrize("trusted", [False, True])
def test_passwords_go_to_a_dockerfile_that_is_trusted_alone(trusted: bool) -> None:
    given = " ".join(args("ARG PIP_INDEX_URL", passwords=trusted).values())
    assert ("ann:word@" in given, "token@" in given) == (trusted, trusted)


@pytest.mark.parametrize(("mounts", "says"), [(True, "id=settings . /run/secrets/settings"), (False, "ARG PIP_CERT")])
def test_the_hint_about_certificates_is_what_this_builder_can_do(mounts: bool, says: str) -> None:
    log = BuildLog(lambda step: None)
    for line in ("#5 [2/3] RUN pip install x", "#5 0.1 SSLError: CERTIFICATE_VERIFY_FAILED", "#5 ERROR: exit code: 1"):
        log.feed(line)
    own = build_failure(log, "x", "x86_64", certificate_hint=certificate_hint("Dockerfile", mounts=mounts))
    assert says in str(own.hint)
    assert "handed to the build" in str(build_failure(log, "x", "x86_64").hint)
