"""A whole run through a proxy that breaks each request once, on the wire: the run ends well and nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.account import INPUT, Account, account, make_project
from tests.local.breaking_proxy import BREAKS, BreakingProxy


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the project's image is made once; each test has an account of its own."""
    return tmp_path_factory.mktemp("proxy")


@pytest.fixture
def aws(home: Path) -> Iterator[Account]:
    with account(home) as made:
        yield made


@pytest.mark.parametrize(
    ("backend", "first"),
    [
        ("fargate", 0),
        ("ec2", 2),
        *(
            pytest.param(backend, first, marks=pytest.mark.nightly)
            for backend, first in (("fargate", 1), ("fargate", 2), ("fargate", 3), ("ec2", 0), ("ec2", 1), ("ec2", 3))
        ),
    ],
)
def test_a_run_whose_every_request_is_broken_once_ends_well_and_leaves_nothing(
    aws: Account, home: Path, tmp_path: Path, backend: str, first: int
) -> None:
    out = tmp_path / "out"
    submit = ("submit", make_project(home), "-i", home / "data", "-o", out, "--backend", backend)
    with BreakingProxy(first) as proxy:
        done = aws.run(*submit, HTTP_PROXY=proxy.url, http_proxy=proxy.url, NO_PROXY="", no_proxy="")
    assert done.code == 0, done.stderr
    assert set(proxy.broken) == set(BREAKS)
    assert sum(proxy.broken.values()) > 40
    results = {path.name: path.read_text() for path in out.iterdir() if path.name in INPUT}
    assert results == {name: text.upper() for name, text in INPUT.items()}
    assert aws.left() == {}
    assert aws.world.errors == []
