"""What Debian 12 packages a Python package needs as a whole, where its first complaint names only one of them."""

from __future__ import annotations

import re

# To be built.
_BUILDS = {
    "psycopg2": "libpq-dev build-essential", "mysqlclient": "default-libmysqlclient-dev build-essential pkg-config",
    "lxml": "libxml2-dev libxslt1-dev build-essential", "python-ldap": "libldap-dev libsasl2-dev build-essential",
    "gssapi": "libkrb5-dev build-essential", "pycairo": "libcairo2-dev build-essential pkg-config",
    "pyaudio": "portaudio19-dev build-essential", "pygraphviz": "libgraphviz-dev build-essential pkg-config",
    "dbus-python": "libdbus-1-dev libglib2.0-dev build-essential pkg-config", "gdal": "libgdal-dev build-essential",
    "fiona": "libgdal-dev build-essential", "rasterio": "libgdal-dev build-essential",
    "pyproj": "libproj-dev proj-bin build-essential", "shapely": "libgeos-dev build-essential",
    "h5py": "libhdf5-dev build-essential pkg-config", "tables": "libhdf5-dev build-essential pkg-config",
    "netcdf4": "libnetcdf-dev build-essential", "xmlsec": "libxmlsec1-dev build-essential pkg-config",
    "pyicu": "libicu-dev build-essential pkg-config", "pycurl": "libcurl4-openssl-dev libssl-dev build-essential",
    "sentencepiece": "cmake build-essential pkg-config", "dlib": "cmake build-essential",
    "python-snappy": "libsnappy-dev build-essential", "pycups": "libcups2-dev build-essential",
    "systemd-python": "libsystemd-dev build-essential pkg-config",
    "pygobject": "libgirepository1.0-dev libcairo2-dev build-essential pkg-config",
    "av": "libavformat-dev libavdevice-dev libavfilter-dev build-essential pkg-config",
    "pyodbc": "unixodbc-dev build-essential", "mpi4py": "libopenmpi-dev build-essential",
    "pillow": "libjpeg-dev zlib1g-dev libfreetype-dev build-essential",
    "scipy": "libopenblas-dev gfortran build-essential pkg-config", "box2d-py": "swig build-essential",
    "pyfuse3": "libfuse3-dev build-essential pkg-config",
}  # fmt: skip
# To be imported, by the module's folder.
_IMPORTS = {"cv2": "libgl1 libglib2.0-0", "weasyprint": "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"}
_BUILT = re.compile(
    r"(?:Failed to build|Building wheel for|Failed building wheel for|Failed to download and build) "
    r"[`'\"]?(?P<name>[A-Za-z0-9][\w.-]{0,60})"
)
_FRAME = re.compile(r"/site-packages/(?P<name>\w{1,60})/")


def needed_to_build(text: str) -> str:
    """All that the package needs whose build failed; empty where none did, or nothing is known of it."""
    built = [re.sub(r"[-_.]+", "-", match["name"]).lower() for match in _BUILT.finditer(text)]
    return _BUILDS.get(built[-1], "") if built else ""


def needed_to_import(frames: str) -> str:
    """All that the module needs in which the import failed; `frames` ends where the error is told."""
    modules = [match["name"] for match in _FRAME.finditer(frames)]
    return _IMPORTS.get(modules[-1], "") if modules else ""
