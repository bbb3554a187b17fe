"""Hypothesis's strategies for what a run's name is made of."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import strategies as st

PROJECTS = st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,6}){0,3}", fullmatch=True).filter(
    lambda name: len(name) <= 32
)
MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=timezone.utc)
)
SALTS = st.from_regex(r"[0-9a-f]{4}", fullmatch=True)
