from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.transfer.certificates import make_certificate
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import fetch, grown, listing, send

from aws_run_entrypoint.transfer import NetworkError
from aws_run_entrypoint.transfer.proxy import Proxy, proxy_for

BASIC = "Basic dXM6cEBzcw=="  # us:p@ss


class TinyProxy:
    """CONNECT and absolute addresses, passed on byte by byte. `asked`: the first lines that came. `wants`: whom it
    lets through; others get 407."""

    def __init__(self, wants: str | None = None) -> None:
        self.wants = wants
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client:
            held = b""
            while b"\r\n\r\n" not in held:
                got = client.recv(65536)
                if not got:
                    return
                held += got
            head, _, _ = held.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            self.asked.append(lines[0])
            if self.wants is not None and f"proxy-authorization: {self.wants}" not in lines:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            method, target, _ = lines[0].split(" ")
            place = target if method == "CONNECT" else target.split("/")[2]
            host, _, port = place.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(held.replace(f"http://{place}".encode(), b"", 1))
                back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
                back.start()
                self.pump(client, server)
                back.join()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while got := source.recv(65536):
                # The next request of a kept connection comes with its whole address, too.
                target.sendall(got.replace(f"http://{_name(target)}".encode(), b""))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


def _name(sock: socket.socket) -> str:
    host, port = sock.getpeername()[:2]
    return f"{host}:{port}"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyProxy]:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "aws_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = TinyProxy()
    yield running
    running.listener.close()


def test_https_goes_through_a_tunnel_of_the_proxy(
    proxy: TinyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    monkeypatch.setenv("HTTPS_PROXY", f"http://us:p%40ss@{proxy.address}")
    proxy.wants = BASIC
    source = grown(tmp_path / "in")
    with StubS3(tls=context) as stub:
        send(stub.bucket(), source)
        fetch(stub.bucket(), tmp_path / "out")
        assert set(proxy.asked) == {f"CONNECT {stub.url.removeprefix('https://')} HTTP/1.1"}
        assert not any("proxy-authorization" in seen.headers for seen in stub.seen)
    assert listing(tmp_path / "out") == listing(source)


def test_plain_http_names_the_whole_address_to_the_proxy(
    stub: StubS3, proxy: TinyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.address)
    send(stub.bucket(), grown(tmp_path / "in"))
    assert proxy.asked
    assert all(f" {stub.url}/bucket" in line for line in proxy.asked)


def test_a_proxy_that_refuses_is_named_with_its_reason(
    stub: StubS3, proxy: TinyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.wants = BASIC
    monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    secure = stub.bucket(endpoint_url=stub.url.replace("http:", "https:"))
    with pytest.raises(NetworkError, match=r"the proxy 127\.0\.0\.1 does not let us through: 407 Proxy Auth"):
        send(secure, grown(tmp_path / "in"))
    assert len(proxy.asked) < 5  # it was not asked again and again


def test_what_no_proxy_names_is_asked_directly(
    stub: StubS3, proxy: TinyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.address)
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.0/8")
    send(stub.bucket(), grown(tmp_path / "in"))
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("named", "spared"),
    [
        ("", False),
        ("*", True),
        ("s3.eu-west-1.amazonaws.com", True),
        ("S3.EU-WEST-1.AMAZONAWS.COM:443", True),
        ("s3.eu-west-1.amazonaws.com:80", False),
        ("amazonaws.com", True),
        (".amazonaws.com", True),
        ("*.amazonaws.com", True),
        ("other, .amazonaws.com", True),
        ("aws.com", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy_is_read_as_other_tools_read_it(named: str, spared: bool) -> None:
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": named}
    found = proxy_for("s3.eu-west-1.amazonaws.com", 443, True, env)
    assert found == (None if spared else Proxy("proxy", 3128))


def test_which_proxy_is_taken() -> None:
    env = {"HTTPS_PROXY": "http://capitals:1", "https_proxy": "http://small:2", "ALL_PROXY": "all:3"}
    assert proxy_for("host", 443, True, env) == Proxy("small", 2)
    assert proxy_for("host", 80, False, env) == Proxy("all", 3)
    assert proxy_for("host", 80, False, {"https_proxy": "http://small:2"}) is None
    assert proxy_for("host", 443, True, {"HTTPS_PROXY": "http://us:p%40ss@[::1]:8"}) == Proxy("::1", 8, BASIC)


@pytest.mark.parametrize("address", ["socks5://proxy:1080", "https://proxy:443", "http://proxy:port"])
def test_a_proxy_that_we_can_not_speak_to_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(NetworkError, match="proxy"):
        proxy_for("host", 443, True, {"HTTPS_PROXY": address})
