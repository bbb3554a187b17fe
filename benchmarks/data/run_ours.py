"""`run_ours.py up|down PREFIX FOLDER`: our engine as a process of its own, as the entrypoint starts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, os.environ.get("BENCH_ENGINE", str(Path(__file__).parents[2] / "entrypoint")))
from aws_run_entrypoint.transfer import Bucket, from_environment, pull_manifest, push_folder

direction, prefix, folder = sys.argv[1:]
bucket = Bucket("bench", "us-east-1", from_environment(os.environ), os.environ["BENCH_URL"], "123456789012")
key = f"{prefix.rstrip('/')}.snapshot.json"
if direction == "up":
    push_folder(bucket, folder, prefix=prefix, manifest_key=key)
else:
    pull_manifest(bucket, key, prefix=prefix, into=folder)
