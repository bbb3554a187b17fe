"""What a part that is not installed is installed with."""

from __future__ import annotations

import shlex

from aws_run.extras import install_hint


def test_the_packages_themselves_are_named_whatever_aws_run_is_called_where() -> None:
    words = shlex.split(install_hint("local"))
    assert words[:2] == ["pip", "install"]
    assert {word.partition(">")[0] for word in words[2:]} == {"moto[server]", "uv"}


def test_an_extra_that_there_is_not_gets_no_command() -> None:
    assert "[nothing]" in install_hint("nothing")
