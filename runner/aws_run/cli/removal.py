"""What `cancel`, `cleanup`, `gc` and `destroy` print at their end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aws_run.cli.session import Session
from aws_run.infra.remove import Removal
from aws_run.infra.resources import Ref


def data(removed: Iterable[Removal], kept: Iterable[Ref] = ()) -> dict[str, Any]:
    return {
        "removed": [{"kind": r.ref.kind, "name": r.ref.name} for r in removed if not r.error],
        "failed": [{"kind": r.ref.kind, "name": r.ref.name, "error": r.error} for r in removed if r.error],
        "kept": [{"kind": ref.kind, "name": ref.name} for ref in kept],
    }


def region(here: Session) -> str:
    return here.context.aws.identity().region
