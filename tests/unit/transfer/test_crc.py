from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.transfer import crc


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_sums_of_neighbours_combine_into_the_sum_of_the_whole(parts: list[bytes]) -> None:
    assert crc.combine_all((zlib.crc32(p), len(p)) for p in parts) == zlib.crc32(b"".join(parts))


def test_long_ranges_combine() -> None:
    zeros = bytes(8 << 20)
    assert crc.combine(zlib.crc32(b"head"), zlib.crc32(zeros), len(zeros)) == zlib.crc32(b"head" + zeros)


@given(st.integers(0, 2**32 - 1))
def test_the_header_form_goes_both_ways(value: int) -> None:
    assert crc.from_header(crc.to_header(value)) == value


def test_the_header_is_what_s3_documents() -> None:
    # "123456789" is the check value of every CRC catalogue: cbf43926.
    assert crc.to_header(zlib.crc32(b"123456789")) == "y/Q5Jg=="
