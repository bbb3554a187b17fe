"""A Dockerfile that fixes its image's architecture, beside the hardware's."""

from __future__ import annotations

import pytest

from aws_run.errors import ConfigError
from aws_run.image.recipe.own_dockerfile import refuse_other_platform


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("FROM --platform=linux/arm64 python:3.12\n", None),
        ("FROM --platform=linux/amd64 a AS build\nfrom --platform=arm64 b\n", None),
        ("FROM --platform=linux/arm64/v8 a AS one\nFROM b\n", "one"),
    ],
)
def test_an_image_of_another_architecture_is_refused_before_it_is_built(text: str, target: str | None) -> None:
    with pytest.raises(ConfigError, match="makes an image for arm64") as caught:
        refuse_other_platform(text, "Dockerfile", "x86_64", target)
    assert "--arch arm64" in (caught.value.hint or "")
    refuse_other_platform(text, "Dockerfile", "arm64", target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM python:3.12\n",
        "FROM --platform=$BUILDPLATFORM a AS build\nFROM --platform=$TARGETPLATFORM b\n",
        "FROM --platform=linux/arm64 tools AS build\nFROM python:3.12\n",
        "# FROM --platform=linux/arm64 old\nFROM --platform=linux/amd64 new\n",
    ],
)
def test_one_that_fits_or_is_not_known_yet_is_built(text: str) -> None:
    refuse_other_platform(text, "Dockerfile", "x86_64", None)
