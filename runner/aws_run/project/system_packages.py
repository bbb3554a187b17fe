"""Debian packages that well-known Python packages need and a slim image lacks; `aws-run init` proposes them.

From the packages' own installation notes and their wheels: what a wheel brings with it is not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_OPENCV = ("libgl1", "libglib2.0-0")
_JAVA = ("default-jre-headless",)
_QT = ("libgl1", "libegl1", "libxkbcommon0", "libdbus-1-3")
NEEDS: dict[str, tuple[str, ...]] = {
    "opencv-python": _OPENCV,
    "opencv-contrib-python": _OPENCV,
    "ultralytics": _OPENCV,
    "mediapipe": _OPENCV,
    "deepface": _OPENCV,
    "paddleocr": _OPENCV,
    "open3d": ("libgl1", "libgomp1", "libx11-6"),
    "vtk": ("libgl1", "libxrender1"),
    "pyvista": ("libgl1", "libxrender1"),
    "gmsh": ("libgl1", "libglu1-mesa"),
    "pyside6": _QT,
    "pyqt5": _QT,
    "pyqt6": _QT,
    "lightgbm": ("libgomp1",),
    "pytesseract": ("tesseract-ocr",),
    "pdf2image": ("poppler-utils",),
    "ocrmypdf": ("tesseract-ocr", "ghostscript"),
    "camelot-py": ("ghostscript",),
    "ghostscript": ("ghostscript",),
    "pdfkit": ("wkhtmltopdf",),
    "wand": ("imagemagick",),
    "cairosvg": ("libcairo2",),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0"),
    "pydub": ("ffmpeg",),
    "ffmpeg-python": ("ffmpeg",),
    "openai-whisper": ("ffmpeg",),
    "sounddevice": ("libportaudio2",),
    "pyaudio": ("portaudio19-dev", "gcc"),
    "graphviz": ("graphviz",),
    "pydot": ("graphviz",),
    "pygraphviz": ("graphviz", "libgraphviz-dev", "gcc", "pkg-config"),
    "python-magic": ("libmagic1",),
    "pyzbar": ("libzbar0",),
    "openslide-python": ("libopenslide0",),
    "pyodbc": ("unixodbc",),
    "psycopg2": ("libpq-dev", "gcc"),
    "mysqlclient": ("default-libmysqlclient-dev", "gcc", "pkg-config"),
    "mpi4py": ("libopenmpi-dev", "gcc"),
    "pycairo": ("libcairo2-dev", "gcc", "pkg-config"),
    "dlib": ("cmake", "g++"),
    "rpy2": ("r-base-dev",),
    "gitpython": ("git",),
    "selenium": ("chromium", "chromium-driver"),
    "pyspark": _JAVA,
    "tabula-py": _JAVA,
    "jpype1": _JAVA,
    "konlpy": _JAVA,
    "h2o": _JAVA,
    "language-tool-python": _JAVA,
}
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def needed_packages(lists: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The Python packages among those that the texts of dependency lists name, with what each needs."""
    words: set[str] = set()
    for text in lists:
        words.update(re.sub(r"[-_.]+", "-", word).lower() for word in _WORD.findall(_COMMENT.sub("", text)))
    return {name: packages for name, packages in NEEDS.items() if name in words}
