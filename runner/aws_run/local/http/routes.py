"""The table of calls that the embedded AWS answers itself or watches; everything else is moto's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_run.local.http.protocol import Call, Reply
from aws_run.local.sim.state import AccountState

Handler = Callable[[AccountState, Call], Mapping[str, Any] | Reply]
Table = dict[tuple[str, str], Handler]
