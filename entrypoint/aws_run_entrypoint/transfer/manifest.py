"""The manifest of a snapshot: one JSON document, one entry a line, so that it can be read and written as a stream.

{"version":1,"fields":["path","size","mtime_ns","mode","crc32","version_id"],"files":2,"bytes":12,"entries":[
["a/b.txt",12,1700000000000000000,420,"0a1b2c3d","3sL4kqtJlcpXroDTDmJ"],
["empty/",0,0,493,"00000000",null]
]}

One that lists objects somewhere else has a "source" (bucket, region, prefix, owner) in its first line, and "etag" as a
seventh field, which a line may lack. A sum that is not known is null.
"""

from __future__ import annotations

import io
import json
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from .errors import ManifestError
from .values import Entry, Found, Source

VERSION = 1
FIELDS = ["path", "size", "mtime_ns", "mode", "crc32", "version_id"]
FIELDS_ELSEWHERE = [*FIELDS, "etag"]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_quote = json.encoder.encode_basestring  # what _encode makes of a text
_decode = json.JSONDecoder().decode


class Header(NamedTuple):
    files: int
    bytes: int
    source: Optional[Source] = None


def encode_entry(entry: Entry) -> bytes:
    path, size, mtime_ns, mode, crc32, version_id, etag = entry
    line: List[Any] = [path, size, mtime_ns, mode, None if crc32 is None else f"{crc32:08x}", version_id]
    if etag is not None:
        line.append(etag)
    return _encode(line).encode()


def encode(lines: Sequence[bytes], *, files: int, total_bytes: int, source: Optional[Source] = None) -> bytes:
    """`lines`: entries as `encode_entry` made them, in `sort_key` order."""
    said: Dict[str, Any] = {"version": VERSION, "fields": FIELDS, "files": files, "bytes": total_bytes}
    if source is not None:
        said.update(fields=FIELDS_ELSEWHERE, source=source._asdict())
    head = _encode(said)
    first = head[:-1].encode() + b',"entries":[\n'
    if not lines:
        return first + b"]}\n"
    # One join: at 100,000 files each copy would be 10 MB.
    framed = list(lines)
    framed[0] = first + framed[0]
    framed[-1] += b"\n]}\n"
    return b",\n".join(framed)


def header(raw: bytes) -> Header:
    """Counts alone; ManifestError where `raw` is no manifest of a version that we know."""
    first = raw[: raw.find(b"\n") + 1]
    try:
        said = json.loads(first.rstrip().rstrip(b"[") + b"[]}")
        there = said.get("source")
        fields = FIELDS if there is None else FIELDS_ELSEWHERE
        if said["version"] != VERSION or said["fields"] != fields or not raw.rstrip().endswith(b"]}"):
            raise ManifestError(f"a manifest of version {said['version']!r} can't be read by this version of aws-run")
        return Header(int(said["files"]), int(said["bytes"]), None if there is None else Source(**there))
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"this is not a manifest of aws-run ({error})") from error


def entries(raw: bytes) -> Iterator[Entry]:
    """One at a time: 100,000 of them at once would be 50 MB."""
    for line in entry_lines(raw):
        yield decode_entry(line)


def entry_lines(raw: bytes) -> Iterator[bytes]:
    """The entries as they stand there, not read yet."""
    header(raw)
    lines = io.BytesIO(raw)
    lines.readline()
    for line in lines:
        if line[:1] != b"[":
            return
        yield line.rstrip(b",\n")


def start_of(found: Found) -> bytes:
    """How the line of a file begins that has not changed since: all but its sum and its version."""
    path, size, mtime_ns, mode = found
    return f"[{_quote(path)},{size},{mtime_ns},{mode},".encode()


def decode_entry(line: bytes) -> Entry:
    try:
        path, size, mtime_ns, mode, crc32, version_id, *etag = _decode(line.decode().rstrip(",\n"))
        return Entry(path, size, mtime_ns, mode, None if crc32 is None else int(crc32, 16), version_id, *etag)
    except (ValueError, TypeError) as error:
        raise ManifestError(f"the manifest holds a line that is no entry: {line[:80]!r}") from error


def from_entries(items: Iterable[Entry], source: Optional[Source] = None) -> bytes:
    lines: List[bytes] = []
    files = total = 0
    for entry in items:
        lines.append(encode_entry(entry))
        if not entry.is_dir:
            files += 1
            total += entry.size
    return encode(lines, files=files, total_bytes=total, source=source)
