"""A run as one HTML file that needs no network: what ran, when, on what, for how much, and what came out of it."""

from aws_run.report.html.page import render
from aws_run.report.html.values import Attempt, Fact, Preview, RunPage, Saved, Series

__all__ = ["Attempt", "Fact", "Preview", "RunPage", "Saved", "Series", "render"]
