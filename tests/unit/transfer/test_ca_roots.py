"""Whom the engine trusts where the image holds no certificates."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from aws_run_entrypoint.transfer.ca_roots import AMAZON
from aws_run_entrypoint.transfer.endpoint import trust_first

# https://www.amazontrust.com/repository/: SHA-256 of the subject public key information,
# in the order of its table.
PUBLISHED = (
    "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
)


def held() -> list[bytes]:
    """Each certificate as DER."""
    end = "-----END CERTIFICATE-----\n"
    return [ssl.PEM_cert_to_DER_cert(pem + end) for pem in AMAZON.split(end)[:-1]]


def sequences(der: bytes) -> Iterator[bytes]:
    """What may be an ASN.1 sequence in it; the public key's is one of them."""
    for at in range(len(der) - 4):
        if der[at] == 0x30:
            size = {0x81: 1, 0x82: 2}.get(der[at + 1], 0)
            length = int.from_bytes(der[at + 2 : at + 2 + size], "big") if size else der[at + 1]
            yield der[at : at + 2 + size + length]


def test_the_roots_have_the_keys_that_their_authority_publishes() -> None:
    sums = [{hashlib.sha256(part).hexdigest() for part in sequences(der)} for der in held()]
    assert len(sums) == len(PUBLISHED)
    for published, in_one in zip(PUBLISHED, sums, strict=True):
        assert published in in_one


def test_an_image_without_certificates_trusts_s3s_own_roots_and_no_others(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_first(context, [str(tmp_path / "absent")])
    assert sorted(context.get_ca_certs(binary_form=True)) == sorted(held())


def test_a_bundle_that_is_there_is_all_that_is_trusted(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_text(AMAZON[: AMAZON.index("-----END CERTIFICATE-----\n") + 26])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_first(context, [str(tmp_path / "absent"), str(own), str(tmp_path / "later")])
    assert context.get_ca_certs(binary_form=True) == held()[:1]
