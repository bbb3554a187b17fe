"""HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as other tools read them: which requests go through a proxy, and how."""

from __future__ import annotations

import base64
import os
import socket
from typing import Mapping, NamedTuple, Optional

from .errors import BarredError, NetworkError
from .socket_io import READ, WRITE

_MAX_HEAD = 64 * 1024


class Proxy(NamedTuple):
    """`authorization`: the header's value, None where the proxy asks for no name."""

    host: str
    port: int
    authorization: Optional[str] = None


def proxy_for(host: str, port: int, tls: bool, env: Mapping[str, str] = os.environ) -> Optional[Proxy]:
    """None: straight to the server. Lower-case names win, as with curl; HTTP_PROXY in capitals counts as well, for
    nothing here is a CGI script. NetworkError for a proxy that is not spoken to in plain HTTP."""
    url = _of(env, "https_proxy" if tls else "http_proxy") or _of(env, "all_proxy")
    if not url or _spared(host, port, _of(env, "no_proxy")):
        return None
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        at = parts.port or 80
    except ValueError:
        raise NetworkError("the proxy's address has no number as its port") from None
    if parts.scheme != "http" or not parts.hostname:
        raise NetworkError(f"a proxy has to be named as http://HOST:PORT, not {parts.scheme}://")
    who = None
    if parts.username is not None:
        name = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        who = f"Basic {base64.b64encode(name.encode()).decode()}"
    return Proxy(parts.hostname, at, who)


def _of(env: Mapping[str, str], name: str) -> str:
    return (env.get(name) or env.get(name.upper()) or "").strip()


def _spared(host: str, port: int, named: str) -> bool:
    """`named`: hosts, domains (with or without a dot in front), addresses and networks, any with a port, or `*`."""
    host = host.lower().rstrip(".")
    for item in named.replace(" ", ",").lower().split(","):
        bare, _, only = item.rpartition(":") if item.count(":") == 1 else (item, "", "")
        if only and only != str(port):
            continue
        bare = bare.strip("[]").lstrip("*").lstrip(".")
        if item == "*" or (bare and (host == bare or host.endswith(f".{bare}") or _in_network(host, bare))):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    if "/" not in network:
        return False
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(host) in ip_network(network, strict=False)
    except (ValueError, TypeError):
        return False


class Tunnel:
    """Has the proxy connect to `host`; everything that is sent after that reaches the server alone."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        who = f"proxy-authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
        self._proxy = proxy
        self._request = f"CONNECT {name} HTTP/1.1\r\nhost: {name}\r\n{who}\r\n".encode()
        self._answer = b""

    def drive(self, sock: socket.socket) -> int:
        """0 when the way is free, else the readiness to wait for. NetworkError when the proxy refuses."""
        try:
            while self._request:
                self._request = self._request[sock.send(self._request) :]
        except BlockingIOError:
            return WRITE
        try:
            while b"\r\n\r\n" not in self._answer:
                # The server waits for us, so nothing of its own can come with the proxy's answer.
                got = sock.recv(4096)
                if not got or len(self._answer) > _MAX_HEAD:
                    raise NetworkError(f"the proxy {self._proxy.host} broke off")
                self._answer += got
        except BlockingIOError:
            return READ
        status = self._answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if len(status) < 2 or status[1] != "200":
            answer = " ".join(status[1:])[:80]
            # 502 to 504 are the proxy's own trouble with the server, and pass.
            refused = len(status) < 2 or not status[1].startswith("5")
            raise (BarredError if refused else NetworkError)(
                f"the proxy {self._proxy.host} does not let us through: {answer}"
            )
        return 0
