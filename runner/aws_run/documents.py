"""Reads JSON from the bucket with the reader that both sides share, and makes text from there harmless.

Objects that a job may write (`runs/<run-id>/`, except its record) are treated as hostile, and anybody who may write
into the bucket can damage a record. Either costs its own run an error message and leaves all other runs alone.
"""

from __future__ import annotations

from aws_run_entrypoint.documents import DocumentError, Fields, parse_object

__all__ = ["DocumentError", "Fields", "harmless", "parse_object"]


def harmless(text: str) -> str:
    """One line without characters that move the cursor, set a title or change the direction of writing."""
    spaced = " ".join(text.splitlines())
    return "".join(character for character in spaced if character.isprintable())
