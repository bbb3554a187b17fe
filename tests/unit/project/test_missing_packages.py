"""What a job or a build did not find, and the Debian package that brings it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.project.missing_packages import find_missing

TRACEBACK = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n    import cv2\n'


@pytest.mark.parametrize(
    ("text", "what", "setting"),
    [
        (
            f"{TRACEBACK}ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n",
            "libGL.so.1",
            "build: {apt: [libgl1]}",
        ),
        ("OSError: libgomp.so.1: cannot open shared object file: No such file", "libgomp.so.1", "[libgomp1]"),
        ("OSError: cannot load library 'libsndfile.so': libsndfile.so: cannot open", "libsndfile.so", "[libsndfile1]"),
        ("ImportError: libgfortran-040039e1.so.5.0.0: cannot open shared object file", "040039e1", "[libgfortran5]"),
        ("x.c:1:10: fatal error: libpq-fe.h: No such file or directory", "libpq-fe.h", "[libpq-dev]"),
        (
            "src/lxml/etree.c:9: fatal error: libxml/xpath.h: No such file or directory",
            "libxml/xpath.h",
            "[libxml2-dev, libxslt1-dev]",
        ),
        ("error: command 'gcc' failed: No such file or directory", "gcc", "[build-essential]"),
        ("error: pg_config executable not found.", "pg_config", "[libpq-dev]"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'", "ffmpeg", "[ffmpeg]"),
        ("run.sh: line 4: pdftotext: command not found", "pdftotext", "[poppler-utils]"),
        ("/bin/sh: 1: git: not found", "git", "[git]"),
        ("aws-run: command-not-found: 'Rscript' is not in this image", "Rscript", "[r-base-core]"),
    ],
)
def test_what_is_missing_is_named_with_the_setting_that_brings_it(text: str, what: str, setting: str) -> None:
    missing = find_missing(text)
    assert missing is not None
    assert what in missing.what
    assert setting in missing.remedy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",  # the driver brings it
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/ffmpeg'",
        "ModuleNotFoundError: No module named 'cv2'",
        "warning: ffmpeg not found\n" + "step\n" * 9 + "ValueError: 3",  # the end came of something else
        "the file was not found",
    ],
)
def test_what_no_package_would_help_is_not_blamed(text: str) -> None:
    assert find_missing(text) is None


@given(st.text())
def test_any_output_can_be_looked_at(text: str) -> None:
    find_missing(text)


def test_a_line_without_end_takes_no_time() -> None:
    for unit in ("lib", "a.", "'", "command '", "not found "):
        find_missing(unit * 200_000)
