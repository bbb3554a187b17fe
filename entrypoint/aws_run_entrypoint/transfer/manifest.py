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
import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from ..documents import DocumentError, Fields, is_whole, parse, parse_object
from .errors import ManifestError
from .values import Entry, ScannedFile, Source

VERSION = 1
FIELDS = ["path", "size", "mtime_ns", "mode", "crc32", "version_id"]
FIELDS_ELSEWHERE = [*FIELDS, "etag"]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_quote = json.encoder.encode_basestring  # what _encode makes of a text
# Limits of what is read: a job writes the manifest of its own outputs as it likes.
MOST_BYTES = 256 * 1024 * 1024
_MOST_FILES = 100_000_000
_MOST_TOTAL_BYTES = 2**60
_MOST_FILE_BYTES = 2**50
_MOST_LINE_BYTES = 64 * 1024
_MOST_TIME_NS = 2**63
# A line as `encode_entry` writes it, whose texts need no unescaping. The expression accepts nothing that `parse_entry`
# would refuse but for the ranges of the numbers and the encoding of the path.
_PLAIN_LINE = re.compile(
    rb'\["([^"\\\x00-\x1f]+)",(0|[1-9][0-9]{0,18}),(-?(?:0|[1-9][0-9]{0,18})),(0|[1-9][0-9]{0,3}),'
    rb'(?:null|"([0-9a-f]{1,8})"),(?:null|"([ !#-\[\]-~]{0,1024})")(?:,"([!#-\[\]-~]{1,1024})")?\]'
)
_SUM = re.compile(r"[0-9a-f]{1,8}")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,1024}")  # an ETag goes into a header as it is
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ACCOUNT = re.compile(r"[0-9]{12}")


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
    head: Dict[str, Any] = {"version": VERSION, "fields": FIELDS, "files": files, "bytes": total_bytes}
    if source is not None:
        head.update(fields=FIELDS_ELSEWHERE, source=source._asdict())
    first = _encode(head)[:-1].encode() + b',"entries":[\n'
    if not lines:
        return first + b"]}\n"
    # One join: at 100,000 files each copy would be 10 MB.
    framed = list(lines)
    framed[0] = first + framed[0]
    framed[-1] += b"\n]}\n"
    return b",\n".join(framed)


def header(raw: bytes) -> Header:
    """The first line alone; ManifestError where `raw` is no manifest of a version that we know."""
    first = raw[: raw.find(b"\n") + 1]
    try:
        head = parse_object(first.rstrip().rstrip(b"[") + b"[]}", most_bytes=_MOST_LINE_BYTES)
        source = _source(head)
        version = head.whole("version", least=0, most=2**31)
        fields = FIELDS if source is None else FIELDS_ELSEWHERE
        if version != VERSION or head.values.get("fields") != fields or not raw.rstrip().endswith(b"]}"):
            raise ManifestError(f"a manifest of version {version} can't be read by this version of aws-run")
        files = head.whole("files", least=0, most=_MOST_FILES)
        return Header(files, head.whole("bytes", least=0, most=_MOST_TOTAL_BYTES), source)
    except DocumentError as error:
        raise ManifestError(f"this is not a manifest of aws-run: it {error}") from error


def _source(head: Fields) -> Optional[Source]:
    there = head.object_or_none("source")
    if there is None:
        return None
    owner = there.text_or_none("owner", most_chars=12)
    source = Source(
        there.text("bucket", most_chars=63),
        there.text("region", most_chars=40),
        there.text("prefix", most_chars=1024),
        owner,
    )
    named = _BUCKET.fullmatch(source.bucket) and _REGION.fullmatch(source.region)
    if not named or (owner is not None and not _ACCOUNT.fullmatch(owner)):
        raise DocumentError("names a bucket, a region or an account that can't exist")
    return source


def entries(raw: bytes) -> Iterator[Entry]:
    """One at a time: 100,000 of them at once would be 50 MB."""
    for line in entry_lines(raw):
        yield decode_entry(line)


def entry_lines(raw: bytes) -> Iterator[bytes]:
    """The lines of the entries, not read yet."""
    header(raw)
    lines = io.BytesIO(raw)
    lines.readline()
    for line in lines:
        if line[:1] != b"[":
            return
        yield line.rstrip(b",\n")


def start_of(file: ScannedFile) -> bytes:
    """The beginning of the line of an unchanged file: all but its sum and its version."""
    path, size, mtime_ns, mode, _ = file
    return f"[{_quote(path)},{size},{mtime_ns},{mode},".encode()


def decode_entry(line: bytes) -> Entry:
    plain = _PLAIN_LINE.fullmatch(line) if len(line) <= _MOST_LINE_BYTES else None
    if plain is None:
        return parse_entry(line)
    path, size, mtime_ns, mode, crc32, version_id, etag = plain.groups()
    try:
        entry = Entry(
            path.decode(),
            int(size),
            int(mtime_ns),
            int(mode),
            int(crc32, 16) if crc32 is not None else None,
            version_id.decode() if version_id is not None else None,
            etag.decode() if etag is not None else None,
        )
    except UnicodeDecodeError:
        return parse_entry(line)  # which says what is wrong with it
    in_range = entry.size <= _MOST_FILE_BYTES and -_MOST_TIME_NS <= entry.mtime_ns <= _MOST_TIME_NS
    return entry if in_range and entry.mode <= 0o7777 else parse_entry(line)


def parse_entry(line: bytes) -> Entry:
    """Any JSON that is an entry, or ManifestError."""
    try:
        path, size, mtime_ns, mode, crc32, version_id, *more = parse(line.rstrip(b",\n"), most_bytes=_MOST_LINE_BYTES)
        if not (
            isinstance(path, str)
            and is_whole(size, least=0, most=_MOST_FILE_BYTES)
            and is_whole(mtime_ns, least=-_MOST_TIME_NS, most=_MOST_TIME_NS)
            and is_whole(mode, least=0, most=0o7777)
            and (crc32 is None or (isinstance(crc32, str) and _SUM.fullmatch(crc32)))
            and (version_id is None or (isinstance(version_id, str) and len(version_id) <= 1024))
            and all(isinstance(etag, str) and _VISIBLE.fullmatch(etag) for etag in more)
        ):
            raise DocumentError("holds a value of the wrong kind")
        return Entry(path, size, mtime_ns, mode, None if crc32 is None else int(crc32, 16), version_id, *more)
    except (ValueError, TypeError) as error:
        raise ManifestError(f"the manifest holds a line that is not an entry: {line[:80]!r}") from error


def from_entries(items: Iterable[Entry], source: Optional[Source] = None) -> bytes:
    lines: List[bytes] = []
    files = total = 0
    for entry in items:
        lines.append(encode_entry(entry))
        if not entry.is_dir:
            files += 1
            total += entry.size
    return encode(lines, files=files, total_bytes=total, source=source)
