"""`run_obstore.py up|down PREFIX FOLDER`: obstore with 64 at once and multipart for big files, as its users write it.

`up` skips what a listing shows with the same size, so that it has a no-op too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store

direction, prefix, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
store = S3Store(
    "bench",
    endpoint=os.environ["BENCH_URL"],
    region="us-east-1",
    access_key_id="AKIAEXAMPLE",
    secret_access_key="secret",
    virtual_hosted_style_request=False,
    client_options={"allow_invalid_certificates": True},
)


async def fetch(key: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        answer = await obstore.get_async(store, key)
        with (folder / key[len(prefix) :]).open("wb") as file:
            async for chunk in answer.stream(min_chunk_size=1 << 20):
                file.write(chunk)


async def send(path: Path, there: dict[str, int], gate: asyncio.Semaphore) -> None:
    key = prefix + path.name
    size = path.stat().st_size
    if there.get(key) == size:
        return
    async with gate:
        await obstore.put_async(store, key, path if size > 5 << 20 else path.read_bytes())


async def main() -> None:
    gate = asyncio.Semaphore(64)
    there: dict[str, int] = {}
    for page in obstore.list(store, prefix=prefix):
        there.update({item["path"]: item["size"] for item in page})
    if direction == "down":
        folder.mkdir(parents=True, exist_ok=True)
        await asyncio.gather(*(fetch(key, gate) for key in there))
    else:
        await asyncio.gather(*(send(path, there, gate) for path in folder.iterdir()))


asyncio.run(main())
