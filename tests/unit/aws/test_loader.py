"""Clients are made without a look into the folder of every service, and AWS_DATA_PATH still counts."""

from __future__ import annotations

import os
from pathlib import Path

import botocore.loaders
import pytest

from aws_run.aws.session import Aws


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that botocore lists."""
    seen: list[str] = []
    listed = os.listdir

    def look(path: str = ".") -> list[str]:
        seen.append(str(path))
        return listed(path)

    monkeypatch.setattr(botocore.loaders.os, "listdir", look)  # type: ignore[attr-defined]
    return seen


def test_a_client_costs_a_look_at_its_own_service_alone(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert Aws(region="eu-central-1").region == "eu-central-1"
    assert 0 < len(opened) < 20


def test_services_of_the_user_s_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("AWS_DATA_PATH", f"{tmp_path}{os.pathsep}/nowhere")
    loader = Aws(region="eu-central-1")._session.get_component("data_loader")
    services = loader.list_available_services("service-2")
    assert {"mine", "s3", "sts"} <= set(services)
    assert str(tmp_path) in loader.search_paths
