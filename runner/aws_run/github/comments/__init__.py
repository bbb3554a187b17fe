"""Runs that a comment under a pull request asks for. The gate needs nothing but the standard library."""
