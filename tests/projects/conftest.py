"""What lies in `shapes/` are projects of their own; their tests are not this suite's."""

from __future__ import annotations

collect_ignore = ["shapes"]
