"""The images that `tools/pythons` makes are there on demand: `make independence`. What is on the machine runs always."""

from __future__ import annotations

import os

from tests.unit.entrypoint.container_support import pyz, stub  # noqa: F401 - fixtures

WHOLE = os.environ.get("AWS_RUN_INDEPENDENCE") == "whole"
collect_ignore = [] if WHOLE else ["test_images.py"]
