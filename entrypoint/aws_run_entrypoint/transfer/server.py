"""The server that speaks for one bucket: its address, how to connect to it, and how to sign for it."""

from __future__ import annotations

import socket
import time
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from .connection import Connection
from .endpoint import Endpoint, endpoint_for, redirected, tls_context
from .errors import NetworkError
from .http1 import Headers, Request, Response
from .proxy import Proxy, Tunnel, proxy_for
from .s3_requests import time_of
from .signing import Signer, encode_query
from .socket_io import Buffers
from .values import CredentialSource

Address = Tuple[int, Tuple[Any, ...]]  # family, address
Resolve = Callable[[str, int], List[Address]]


class Bucket(NamedTuple):
    """`owner`: the account that must own the bucket, sent with every request. `endpoint_url` None: AWS itself."""

    name: str
    region: str
    credentials: CredentialSource
    endpoint_url: Optional[str] = None
    owner: Optional[str] = None


class Server:
    """Follows the bucket when S3 says that another region or host speaks for it."""

    def __init__(self, bucket: Bucket, resolve: Resolve) -> None:
        self.bucket = bucket
        self.signer = Signer(bucket.region)
        self._resolve = resolve
        self._endpoint = endpoint_for(bucket.name, bucket.region, bucket.endpoint_url)
        self._context = tls_context() if self._endpoint.tls else None
        self._proxy = self._find_proxy()
        self._buffers = Buffers()
        self._addresses: List[Address] = []
        self._next_address = 0

    @property
    def host(self) -> str:
        return self._endpoint.host

    def connect(self, now: float) -> Connection:
        """NetworkError when there is no way to it. The connection is not established yet."""
        endpoint, proxy = self._endpoint, self._proxy
        near = proxy or endpoint
        if not self._addresses:
            self._addresses = self._resolve(near.host, near.port)
        family, address = self._addresses[self._next_address % len(self._addresses)]
        self._next_address += 1
        tunnel = Tunnel(proxy, endpoint.host, endpoint.port) if proxy is not None and endpoint.tls else None
        try:
            return Connection(
                family,
                address,
                host=endpoint.host,
                context=self._context,
                now=now,
                buffers=self._buffers,
                tunnel=tunnel,
            )
        except OSError as error:
            raise NetworkError(f"can't connect to {near.host}: {error.strerror}") from error

    def forget_addresses(self) -> None:
        """After a connection that could not be established: the name is resolved anew."""
        self._addresses = []

    def head(self, request: Request) -> bytes:
        """The request's first line and its headers, signed now."""
        endpoint = self._endpoint
        path = endpoint.path(request.key)
        query = encode_query(request.query) if request.query else ""
        headers: Headers = [("host", endpoint.host_header), *request.headers]
        if self.bucket.owner:
            headers.append(("x-amz-expected-bucket-owner", self.bucket.owner))
        signed = self.signer.headers(
            request.method,
            path,
            query,
            headers=headers,
            credentials=self.bucket.credentials.get(),
            stamp=self.signer.stamp(),
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed])
        target = f"{path}?{query}" if query else path
        if self._proxy is not None and not endpoint.tls:
            target = f"http://{endpoint.host_header}{target}"
            if self._proxy.authorization:
                lines += f"proxy-authorization: {self._proxy.authorization}\r\n"
        length = request.body_length
        if length or request.method in ("PUT", "POST"):
            lines += f"content-length: {length}\r\n"
        return f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: aws-run\r\n\r\n".encode()

    def follow(self, response: Response) -> Optional[bool]:
        """Where the answer names another region or host, all further requests go there. None: it names none. True: the
        connections that exist lead to the wrong server."""
        region = response.headers.get("x-amz-bucket-region")
        if response.status in (301, 400) and region and region != self.signer.region:
            self.signer = Signer(region)
            return self._move_to(endpoint_for(self.bucket.name, region, self.bucket.endpoint_url))
        if response.status == 307 and response.headers.get("location"):
            return self._move_to(redirected(self._endpoint, response.headers["location"]))
        return None

    def correct_clock(self, response: Response) -> None:
        server_s = time_of(response.headers.get("date"))
        if server_s is not None:
            self.signer.offset_s = server_s - time.time()

    def _move_to(self, endpoint: Endpoint) -> bool:
        if endpoint == self._endpoint:
            return False
        self._endpoint = endpoint
        self._addresses = []
        self._proxy = self._find_proxy()
        if endpoint.tls and self._context is None:
            self._context = tls_context()
        elif not endpoint.tls:
            self._context = None
        return True

    def _find_proxy(self) -> Optional[Proxy]:
        return proxy_for(self._endpoint.host, self._endpoint.port, self._endpoint.tls)


def resolve(host: str, port: int) -> List[Address]:
    """Addresses in the resolver's order; S3 names several, and connections go round them."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NetworkError(f"the name {host!r} can't be resolved ({error})") from error
    return [(family, address) for family, _, _, _, address in answers]
