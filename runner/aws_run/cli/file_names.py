"""File names as UTF-8, whatever the locale says.

S3's keys are UTF-8, and so are the names in the container. Under a locale like C, or one of ISO 8859, Python takes
files' names for something else, and a folder called `données` for one that can't be sent or under a wrong name.
"""

from __future__ import annotations

import codecs
import io
import locale
import os
import sys

# Of this process's own command line, so that no other program inherits it.
_MARK = "aws_run_names"


def in_utf8() -> None:
    """Starts the program anew in Python's UTF-8 mode where file names are something else. Returns where they are not,
    or where it has done so; what is printed stays in the terminal's own encoding."""
    if _MARK in sys._xoptions:
        _print_as_the_locale_says()
    elif os.name == "posix" and codecs.lookup(sys.getfilesystemencoding()).name != "utf-8":
        argv = [sys.executable, "-X", "utf8", "-X", _MARK, *sys.orig_argv[1:]]
        os.execv(sys.executable, argv)  # noqa: S606 - this program itself


def _print_as_the_locale_says() -> None:
    if os.environ.get("PYTHONIOENCODING"):
        return
    encoding = locale.nl_langinfo(locale.CODESET)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
