"""Locks of every pdm, as what is installed of them."""

from __future__ import annotations

import pytest

from aws_run.errors import SourceError
from aws_run.project.folder import parse_toml
from aws_run.project.pdm_lock import pdm_pins

DEFAULT = frozenset({"default"})
# As pdm 2.3 wrote it: no groups, no markers of packages, all hashes in one table.
OLD = """
[[package]]
name = "Requests"
version = "2.28.0"
requires_python = ">=3.7"
dependencies = ["urllib3<1.27", "colorama; platform_system == \\"Windows\\"", "pysocks; extra == \\"socks\\""]

[[package]]
name = "requests"
version = "2.28.0"
extras = ["socks"]
dependencies = ["PySocks!=1.5.7", "requests==2.28.0"]

[[package]]
name = "urllib3"
version = "1.26.9"

[[package]]
name = "colorama"
version = "0.4.5"

[[package]]
name = "pysocks"
version = "1.7.1"

[[package]]
name = "pytest"
version = "7.1.2"
dependencies = ["colorama; sys_platform == \\"win32\\""]

[metadata]
lock_version = "4.1"

[metadata.files]
"urllib3 1.26.9" = [{url = "https://example.org/urllib3.whl", hash = "sha256:aa"}]
"""


def lines(text: str, *wanted: str, groups: frozenset[str] = DEFAULT) -> list[str]:
    return [pin.line for pin in pdm_pins(parse_toml(text, "pdm.lock"), groups, wanted)]


def test_of_an_old_lock_only_what_the_project_asks_for_is_installed_and_only_where_it_is_meant() -> None:
    assert lines(OLD, "requests>=2") == [
        'colorama==0.4.5 ; (platform_system == "Windows")',
        "Requests==2.28.0",
        "urllib3==1.26.9 --hash=sha256:aa",
    ]


def test_an_extra_brings_what_its_own_entry_asks_for() -> None:
    assert "pysocks==1.7.1" in lines(OLD, "requests[socks]>=2")
    assert "pytest==7.1.2" in lines(OLD, "requests", "pytest>=7")


def test_a_lock_with_groups_says_itself_what_belongs_to_which() -> None:
    text = (
        '[[package]]\nname = "six"\nversion = "1.15.0"\ngroups = ["default"]\nmarker = "os_name == \'nt\'"\n'
        '[[package]]\nname = "pytest"\nversion = "8.0.0"\ngroups = ["dev"]\n'
    )
    assert lines(text) == ["six==1.15.0 ; os_name == 'nt'"]


def test_an_old_lock_of_two_versions_of_a_package_is_refused_with_what_to_do() -> None:
    text = '[[package]]\nname = "six"\nversion = "1.15.0"\n[[package]]\nname = "six"\nversion = "1.16.0"\n'
    with pytest.raises(SourceError, match="several versions of six") as caught:
        lines(text, "six")
    assert "pdm lock" in str(caught.value.hint)
