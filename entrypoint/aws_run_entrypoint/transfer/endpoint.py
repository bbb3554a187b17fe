"""The server of a bucket: its host, its style of addresses, and the certificates to trust."""

from __future__ import annotations

import os
import re
import ssl
import sys
from functools import lru_cache
from typing import Iterable, List, Mapping, NamedTuple, Optional

from .signing import encode_path

# Where distributions keep their certificates; slim images often lack OpenSSL's own default.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


# S3's own addresses in a region: plain, FIPS, dual-stack (IPv6), both.
_AWS = re.compile(r"(s3(?:-fips)?(?:\.dualstack)?)\.[a-z]+-[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")


class Endpoint(NamedTuple):
    """`base_path`: what stands before the key, "/bucket" for path-style addresses."""

    host: str
    port: int
    tls: bool
    base_path: str

    @property
    def host_header(self) -> str:
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"

    def path(self, key: str) -> str:
        return f"{self.base_path}/{encode_path(key)}" if key or not self.base_path else self.base_path


def aws_url(region: str, *, fips: bool, dual_stack: bool) -> Optional[str]:
    """S3's own address of that kind in a region; None for the plain one."""
    kind = f"s3{'-fips' if fips else ''}{'.dualstack' if dual_stack else ''}"
    return None if kind == "s3" else f"https://{kind}.{region}.{_suffix(region)}"


def endpoint_for(bucket: str, region: str, endpoint_url: Optional[str]) -> Endpoint:
    """AWS: virtual-hosted, as new buckets require, and in `region` whichever the URL names; a server of one's own, a
    VPC endpoint (as botocore does), or a dot in the name: path-style."""
    kind = "s3"
    if endpoint_url:
        from urllib.parse import urlsplit

        parts = urlsplit(endpoint_url)
        tls = parts.scheme == "https"
        base = parts.path.rstrip("/")
        host = parts.hostname or ""
        theirs = _AWS.fullmatch(host)
        if theirs is None or not tls or parts.port or base:
            return Endpoint(host, parts.port or (443 if tls else 80), tls, f"{base}/{encode_path(bucket)}")
        kind = theirs.group(1)
    host = f"{kind}.{region}.{_suffix(region)}"
    if "." in bucket:  # the certificate covers one label
        return Endpoint(host, 443, True, f"/{bucket}")
    return Endpoint(f"{bucket}.{host}", 443, True, "")


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def redirected(endpoint: Endpoint, location: str) -> Endpoint:
    """The same addressing at the host that a 307 names."""
    from urllib.parse import urlsplit

    parts = urlsplit(location)
    if not parts.hostname:
        return endpoint
    tls = parts.scheme == "https"
    return endpoint._replace(host=parts.hostname, port=parts.port or (443 if tls else 80), tls=tls)


def tls_context(env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """AWS_CA_BUNDLE, SSL_CERT_FILE, OpenSSL's default, the usual places, pip's own bundle, then S3's roots."""
    return _context(env.get("AWS_CA_BUNDLE") or env.get("SSL_CERT_FILE") or "")


@lru_cache(maxsize=4)  # reading the world's certificates takes longer than a request
def _context(named: str) -> ssl.SSLContext:
    if named:
        return ssl.create_default_context(cafile=named)
    context = ssl.create_default_context()
    if context.cert_store_stats()["x509_ca"] == 0 and not _has_directory():
        trust_first(context, [*_BUNDLES, *_pip_bundles()])
    return context


def trust_first(context: ssl.SSLContext, bundles: Iterable[str]) -> None:
    """The first bundle that is there; without any, S3's own roots."""
    for path in bundles:
        if os.path.isfile(path):
            context.load_verify_locations(cafile=path)
            return
    from .ca_roots import AMAZON  # few images need it

    context.load_verify_locations(cadata=AMAZON)


def _has_directory() -> bool:
    folder = ssl.get_default_verify_paths().capath
    return bool(folder and os.path.isdir(folder) and os.listdir(folder))


def _pip_bundles() -> List[str]:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    bases = [os.path.join(sys.prefix, "lib", version, kind) for kind in ("site-packages", "dist-packages")]
    bases.append("/usr/lib/python3/dist-packages")
    return [
        os.path.join(base, *tail)
        for base in bases
        for tail in (("certifi", "cacert.pem"), ("pip", "_vendor", "certifi", "cacert.pem"))
    ]
