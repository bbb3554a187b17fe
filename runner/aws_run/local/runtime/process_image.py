"""Images without Docker: a folder of sources, a virtual environment of what they require, and a manifest for ECR.

A folder under the state dir is named by the manifest's digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from aws_run.frozen import frozen
from aws_run.local.runtime.process_environment import InstallRequest, alone, make_environment


@frozen
class ProcessImage:
    digest: str
    manifest: str
    environment: str  # the name of its virtual environment's folder
    notes: tuple[str, ...] = ()


def image_dir(state_dir: Path, digest: str) -> Path:
    return state_dir / "images" / digest.removeprefix("sha256:")


def build(
    state_dir: Path,
    root: Path,
    files: Sequence[str],
    *,
    command: Sequence[str] = (),
    request: InstallRequest | None = None,
    python_path: Sequence[str] = (),
    stop: threading.Event | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> ProcessImage:
    """Copies `files` (relative to `root`), installs what `request` names; BuildError with the installer's last lines.

    `python_path`: folders of the project that go on PYTHONPATH. `stop` ends the installer, whose lines go to
    `on_line`.
    """
    environment = make_environment(state_dir, root, request or InstallRequest(), stop or threading.Event(), on_line)
    sources = [(name, hashlib.sha256((root / name).read_bytes()).hexdigest()) for name in sorted(files)]
    config = {
        "command": list(command),
        "sources": sources,
        "venv": environment.folder.name,
        "python_path": list(python_path),
    }
    layer = "sha256:" + hashlib.sha256(json.dumps(config).encode()).hexdigest()
    size = sum((root / name).stat().st_size for name in files)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": layer, "size": 2},
            "layers": [{"mediaType": "application/vnd.aws-run.sources", "digest": layer, "size": size}],
        }
    )
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    image = ProcessImage(digest=digest, manifest=manifest, environment=environment.folder.name, notes=environment.notes)
    folder = image_dir(state_dir, digest)
    with alone(folder):
        if (folder / "image.json").is_file():
            return image
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "src").mkdir(parents=True)
        for name in files:
            target = partial / "src" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target, follow_symlinks=False)
        facts = {"command": list(command), "venv": str(environment.folder), "python_path": list(python_path)}
        (partial / "image.json").write_text(json.dumps(facts))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return image
