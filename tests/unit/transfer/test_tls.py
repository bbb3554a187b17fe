from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.transfer.certificates import make_certificate
from tests.unit.transfer.stub import Fault, StubS3, once_each
from tests.unit.transfer.trees import fetch, grown, listing, send

from aws_run_entrypoint.transfer import NetworkError, Retried

MAKES = {
    "TLS 1.3": ssl.TLSVersion.TLSv1_3,
    "TLS 1.2": ssl.TLSVersion.TLSv1_2,
}


@pytest.fixture(params=list(MAKES.values()), ids=list(MAKES))
def secure(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubS3]:
    cert, context = make_certificate(tmp_path)
    context.maximum_version = request.param
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    with StubS3(tls=context) as running:
        yield running


def tree(folder: Path) -> Path:
    grown(folder)
    (folder / "mid").write_bytes(os.urandom(3 << 20))
    (folder / "in pieces").write_bytes(os.urandom(17 << 20))
    return folder


def test_a_folder_comes_back_byte_for_byte_through_tls(secure: StubS3, tmp_path: Path) -> None:
    source = tree(tmp_path / "in")
    send(secure.bucket(), source)
    fetch(secure.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(source)


@pytest.mark.parametrize("how", ["reset", "truncate", "close", "chunked"])
def test_a_fault_under_tls_is_survived(secure: StubS3, tmp_path: Path, how: str) -> None:
    source = grown(tmp_path / "in")
    (source / "mid").write_bytes(os.urandom(3 << 20))
    send(secure.bucket(), source)
    secure.script = once_each(Fault(how=how))
    fetch(secure.bucket(), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(source)


def test_a_server_that_refuses_a_big_body_at_once_is_heard(secure: StubS3, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(bytes(12 << 20))
    secure.script = once_each(Fault(how="status", status=503, code="SlowDown"))
    assert send(secure.bucket(), tmp_path / "in").retries > 0
    assert secure.current()


def test_a_certificate_that_nobody_vouches_for_is_refused_by_name(
    secure: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = make_certificate(tmp_path / "other")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    events: list[object] = []
    with pytest.raises(NetworkError, match=r"the certificate of 127\.0\.0\.1 is not trusted"):
        send(secure.bucket(), grown(tmp_path / "in"), on_event=events.append)
    assert secure.seen == []
    assert not [event for event in events if isinstance(event, Retried)]  # it does not become trusted
