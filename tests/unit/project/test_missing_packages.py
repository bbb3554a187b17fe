"""What a job or a build did not find, and the Debian package that brings it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.project.missing.find import find_missing

PRINTED = Path(__file__).with_name("what_packages_print.txt").read_text().split("=== ")[1:]
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
        ("x.c:1:10: fatal error: libpq-fe.h: No such file or directory", "libpq-fe.h", "[libpq-dev]"),
        (
            "src/lxml/etree.c:9: fatal error: libxml/xpath.h: No such file or directory",
            "libxml/xpath.h",
            "[libxml2-dev, libxslt1-dev]",
        ),
        ("error: command 'gcc' failed: No such file or directory", "gcc", "[build-essential]"),
        ("error: pg_config executable not found.", "pg_config", "[libpq-dev, build-essential]"),
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
        # A wheel brings that file itself, under a name that no package has.
        "ImportError: libgfortran-040039e1.so.5.0.0: cannot open shared object file: No such file or directory",
        # Another version is another library, which Debian 12 does not have.
        "ImportError: libssl.so.1.1: cannot open shared object file: No such file or directory",
        "ImportError: libjpeg.so.8: cannot open shared object file: No such file or directory",
        "ImportError: libpython3.8.so.1.0: cannot open shared object file: No such file or directory",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",  # the driver brings it
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/ffmpeg'",
        "ModuleNotFoundError: No module named 'cv2'",
        "warning: ffmpeg not found\n" + "step\n" * 9 + "ValueError: 3",  # the end came of something else
        "the file was not found",
        "ValueError: config file not found",
        "KeyError: could not find node 5",
        "networkx.exception.NodeNotFound: node not found in the graph",
        "FileNotFoundError: [Errno 2] No such file or directory: '/data/time'",
        "error: Failed to build `psycopg2==2.9`\nSyntaxError: invalid syntax",  # nothing of the system is missing
    ],
)
def test_what_no_package_would_help_is_not_blamed(text: str) -> None:
    assert find_missing(text) is None


@pytest.mark.parametrize("case", PRINTED, ids=[case.partition(" ")[0] for case in PRINTED])
def test_the_words_of_well_known_packages_are_understood(case: str) -> None:
    """They were printed on an image of Debian 12 with nothing but Python; what a build needs besides the first thing
    that it misses is named at once."""
    head, _, text = case.partition("\n")
    _, what, packages = head.split(" | ")
    missing = find_missing(text)
    assert missing is not None
    assert (missing.what, missing.packages) == (what, tuple(packages.split()))


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("/usr/bin/env: \u2018node\u2019: No such file or directory", "nodejs"),
        ("env: 'java': No such file or directory", "default-jre-headless"),
        ("make: gcc: No such file or directory", "build-essential"),
        ("make[1]: g++: No such file or directory", "build-essential"),
        ("main.py: line 3: ps: command not found", "procps"),
        ('exec: "Rscript": executable file not found in $PATH', "r-base-core"),
        ("/usr/bin/ld: cannot find -lpq: No such file or directory", "libpq-dev"),
        ("Package 'libffi', required by 'virtual:world', not found", "libffi-dev"),
        ("No package 'cairo' found", "libcairo2-dev"),
        ("Package xmlsec1 was not found in the pkg-config search path.", "libxmlsec1-dev"),
        ('../scipy/meson.build:163:9: ERROR: Dependency "OpenBLAS" not found, tried pkgconfig', "libopenblas-dev"),
        ("Error opening data file /usr/share/tesseract-ocr/5/tessdata/chi_sim.traineddata", "tesseract-ocr-chi-sim"),
        ("OSError: Could not find lib geos_c.so or load any of its variants ['libgeos_c.so.1']", "libgeos-c1v5"),
        ("OSError: could not find or load libspatialindex_c-64.so", "libspatialindex-c6"),
        ("pyodbc.Error: ('01000', \"[01000] [unixODBC][Driver Manager]Can't open lib 'FreeTDS' : file\")", "tdsodbc"),
        ("OSError: cannot load library 'pango-1.0-0': pango-1.0-0: cannot open", "libpango-1.0-0"),
        (
            "node_modules/.bin/x: error while loading shared libraries: libnspr4.so: cannot open shared object file: No",
            "libnspr4",
        ),
        ("mkdocs: ImportError: libtk8.6.so: cannot open shared object file: No such file or directory", "libtk8.6"),
    ],
)
def test_other_ways_to_say_it(text: str, packages: str) -> None:
    missing = find_missing(text)
    assert missing is not None
    assert missing.packages == tuple(packages.split())


@given(st.text())
def test_any_output_can_be_looked_at(text: str) -> None:
    find_missing(text)


def test_a_line_without_end_takes_no_time() -> None:
    for unit in ("lib", "a.", "'", "command '", "not found "):
        find_missing(unit * 200_000)
