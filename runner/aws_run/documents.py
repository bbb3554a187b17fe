"""JSON from the bucket, read by the one reader that both sides share; and text from there, made harmless.

What a run's job may write (`runs/<run-id>/`, its record excepted) is hostile, and whoever may write into the bucket can
damage a record. Both cost their own run one line and no other run anything.
"""

from __future__ import annotations

from aws_run_entrypoint.documents import DocumentError, Fields, parse_object

__all__ = ["DocumentError", "Fields", "harmless", "parse_object"]


def harmless(text: str) -> str:
    """One line without anything that moves a cursor, sets a title or turns the direction of writing."""
    spaced = " ".join(text.splitlines())
    return "".join(character for character in spaced if character.isprintable())
