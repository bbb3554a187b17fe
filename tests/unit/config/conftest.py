from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from aws_run.config import Config, load_config
from aws_run.errors import ConfigError, UsageError


class Load(Protocol):
    def __call__(
        self,
        yaml: str | None = None,
        /,
        *,
        environ: Mapping[str, str] | None = None,
        for_run: bool = False,
        cwd: Path | None = None,
        **flags: Any,
    ) -> Config: ...


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with data/ in it, which is where the user stands."""
    folder = tmp_path / "segment"
    (folder / "data").mkdir(parents=True)
    return folder


@pytest.fixture
def load(project: Path) -> Load:
    """`load(yaml, memory="16GB")`: what the project is with this file and these flags."""

    def loader(
        yaml: str | None = None,
        /,
        *,
        environ: Mapping[str, str] | None = None,
        for_run: bool = False,
        cwd: Path | None = None,
        **flags: Any,
    ) -> Config:
        if yaml is not None:
            (project / "aws-run.yaml").write_text(yaml, encoding="utf-8")
        return load_config(project, file=None, flags=flags, environ=environ or {}, cwd=cwd or project, for_run=for_run)

    return loader


@pytest.fixture
def refused(load: Load) -> Callable[..., str]:
    """The sentence that the same call is refused with."""

    def sentence(*args: Any, **kwargs: Any) -> str:
        with pytest.raises(UsageError) as caught:
            load(*args, **kwargs)
        assert isinstance(caught.value, ConfigError | UsageError)
        return caught.value.message

    return sentence
