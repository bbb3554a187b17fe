"""CRC32: S3's spelling, and joining the sums of neighbouring ranges into the sum of the whole."""

from __future__ import annotations

import base64
import struct
from typing import Dict, Iterable, List, Tuple

_POLY = 0xEDB88320
_operators: Dict[int, List[int]] = {}


def to_header(crc: int) -> str:
    """As in `x-amz-checksum-crc32`: base64 of the big-endian number."""
    return base64.b64encode(struct.pack(">I", crc)).decode()


def from_header(text: str) -> int:
    return int(struct.unpack(">I", base64.b64decode(text))[0])


def combine(first: int, second: int, second_length: int) -> int:
    """The CRC32 of A+B from those of A and B: A's sum is moved on by B's length in zero bytes, then added."""
    if second_length == 0:
        return first
    return _times(_operator(second_length), first) ^ second


def combine_all(parts: Iterable[Tuple[int, int]]) -> int:
    """`parts`: (crc, length) in order."""
    total = 0
    for crc, length in parts:
        total = combine(total, crc, length)
    return total


def _times(matrix: List[int], vector: int) -> int:
    total = 0
    for row in matrix:
        if not vector:
            break
        if vector & 1:
            total ^= row
        vector >>= 1
    return total


def _operator(length: int) -> List[int]:
    """The 32 by 32 bit matrix that appends `length` zero bytes; parts share few lengths, so it is kept."""
    kept = _operators.get(length)
    if kept is not None:
        return kept
    power = [_POLY] + [1 << n for n in range(31)]  # one zero bit
    for _ in range(3):
        power = [_times(power, row) for row in power]  # one zero byte
    result = [1 << n for n in range(32)]
    left = length
    while left:
        if left & 1:
            result = [_times(power, row) for row in result]
        left >>= 1
        if left:
            power = [_times(power, row) for row in power]
    if len(_operators) > 64:
        _operators.clear()
    _operators[length] = result
    return result
