from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, get_type_hints

import pytest
from pydantic import TypeAdapter

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
        around: dict[str, Any] = {"environ": environ or {}, "cwd": cwd or project}
        return typed(load_config(project, file=None, flags=flags, for_run=for_run, **around))

    return loader


def typed(config: Config) -> Config:
    """The same configuration, once each of its values has been seen to be of the type that its field is declared as:
    the loader makes it from what the table's parsers return, and nothing else looks."""
    pending: list[Any] = [config]
    while pending:
        one = pending.pop()
        for name, hint in get_type_hints(type(one)).items():
            value = getattr(one, name)
            _checked_by(type(one), name, hint).validate_python(value, strict=True)
            pending += [each for each in (value if isinstance(value, tuple) else (value,)) if is_dataclass(each)]
    return config


@cache
def _checked_by(cls: type, name: str, hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


@pytest.fixture
def refused(load: Load) -> Callable[..., str]:
    """The sentence that the same call is refused with."""

    def sentence(*args: Any, **kwargs: Any) -> str:
        with pytest.raises(UsageError) as caught:
            load(*args, **kwargs)
        assert isinstance(caught.value, ConfigError | UsageError)
        return caught.value.message

    return sentence
