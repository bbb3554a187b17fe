"""Which Debian package brings a library, a header or a program that something did not find, and how to say so.

The names are those of Debian 12, on which the images of Python stand; Debian 13 and Ubuntu 24.04 have the ones with
`t64` at the end under the shorter name, too. Libraries that come with an NVIDIA driver or with CUDA are in no Debian
package that would help, and are not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What follows `lib` up to `.so`; the version behind it is not compared, since the image's Debian has one of each.
_LIBRARIES = {
    "libGL": "libgl1", "libEGL": "libegl1", "libGLX": "libglx0", "libGLESv2": "libgles2", "libOpenGL": "libopengl0",
    "libGLU": "libglu1-mesa", "libOSMesa": "libosmesa6", "libgbm": "libgbm1", "libvulkan": "libvulkan1",
    "libOpenCL": "ocl-icd-libopencl1", "libgthread-2.0": "libglib2.0-0", "libglib-2.0": "libglib2.0-0",
    "libgobject-2.0": "libglib2.0-0", "libgio-2.0": "libglib2.0-0", "libSM": "libsm6", "libICE": "libice6",
    "libX11": "libx11-6", "libXext": "libxext6", "libXrender": "libxrender1", "libXi": "libxi6",
    "libXrandr": "libxrandr2", "libXcursor": "libxcursor1", "libXfixes": "libxfixes3", "libXxf86vm": "libxxf86vm1",
    "libXcomposite": "libxcomposite1", "libXdamage": "libxdamage1", "libXtst": "libxtst6", "libXss": "libxss1",
    "libxcb": "libxcb1", "libxkbcommon": "libxkbcommon0", "libxkbcommon-x11": "libxkbcommon-x11-0",
    "libgomp": "libgomp1", "libgfortran": "libgfortran5", "libstdc++": "libstdc++6", "libatomic": "libatomic1",
    "libquadmath": "libquadmath0", "libopenblas": "libopenblas0", "libblas": "libblas3", "liblapack": "liblapack3",
    "libmpi": "libopenmpi3", "libtbb": "libtbb12", "libnuma": "libnuma1", "libffi": "libffi8",
    "libsndfile": "libsndfile1", "libportaudio": "libportaudio2", "libasound": "libasound2", "libsox": "libsox3",
    "libavcodec": "ffmpeg", "libavformat": "ffmpeg", "libavutil": "ffmpeg", "libswscale": "ffmpeg",
    "libgstreamer-1.0": "libgstreamer1.0-0", "libcairo": "libcairo2", "libpango-1.0": "libpango-1.0-0",
    "libpangocairo-1.0": "libpangocairo-1.0-0", "libpangoft2-1.0": "libpangoft2-1.0-0",
    "libgdk_pixbuf-2.0": "libgdk-pixbuf-2.0-0", "libgtk-3": "libgtk-3-0", "libfontconfig": "libfontconfig1",
    "libfreetype": "libfreetype6", "libjpeg": "libjpeg62-turbo", "libpng16": "libpng16-16", "libtiff": "libtiff6",
    "libwebp": "libwebp7", "libopenjp2": "libopenjp2-7", "libMagickWand-6.Q16": "libmagickwand-6.q16-6",
    "libvips": "libvips42", "libopenslide": "libopenslide0", "libzbar": "libzbar0", "libdmtx": "libdmtx0b",
    "libtesseract": "libtesseract5", "liblept": "liblept5", "libpoppler-cpp": "libpoppler-cpp0v5",
    "libxml2": "libxml2", "libxslt": "libxslt1.1", "libpq": "libpq5", "libmariadb": "libmariadb3",
    "libodbc": "unixodbc", "libsqlite3": "libsqlite3-0", "libgdal": "libgdal32", "libgeos_c": "libgeos-c1v5",
    "libproj": "libproj25", "libspatialindex": "libspatialindex6", "libspatialindex_c": "libspatialindex6",
    "libhdf5": "libhdf5-103-1", "libhdf5_serial": "libhdf5-103-1", "libnetcdf": "libnetcdf19", "libgsl": "libgsl27",
    "libfftw3": "libfftw3-double3", "libfftw3f": "libfftw3-single3", "libgmp": "libgmp10", "libmpfr": "libmpfr6",
    "libglpk": "libglpk40", "libusb-1.0": "libusb-1.0-0", "libsnappy": "libsnappy1v5", "libmagic": "libmagic1",
    "libcurl": "libcurl4", "libgssapi_krb5": "libgssapi-krb5-2", "libldap": "libldap-2.5-0", "libsasl2": "libsasl2-2",
    "libssl": "libssl3", "libcrypto": "libssl3", "libnss3": "libnss3", "libnspr4": "libnspr4",
    "libatk-1.0": "libatk1.0-0", "libatk-bridge-2.0": "libatk-bridge2.0-0", "libcups": "libcups2", "libdrm": "libdrm2",
    "libdbus-1": "libdbus-1-3", "libedit": "libedit2", "libncurses": "libncurses6", "libtinfo": "libtinfo6",
    "libtinfo5": "libtinfo5", "libpython3.11": "libpython3.11", "libenchant-2": "libenchant-2-2",
}  # fmt: skip
_HEADERS = {
    "Python.h": "python3-dev", "libpq-fe.h": "libpq-dev", "mysql.h": "libmariadb-dev", "sql.h": "unixodbc-dev",
    "sqlext.h": "unixodbc-dev", "ffi.h": "libffi-dev", "openssl/ssl.h": "libssl-dev",
    "openssl/opensslv.h": "libssl-dev", "zlib.h": "zlib1g-dev", "bzlib.h": "libbz2-dev", "lzma.h": "liblzma-dev",
    "snappy-c.h": "libsnappy-dev",
    "libxml/xpath.h": "libxml2-dev libxslt1-dev", "libxml/xmlversion.h": "libxml2-dev libxslt1-dev",
    "jpeglib.h": "libjpeg-dev", "png.h": "libpng-dev", "hdf5.h": "libhdf5-dev", "netcdf.h": "libnetcdf-dev",
    "gdal.h": "libgdal-dev", "gdal_version.h": "libgdal-dev", "geos_c.h": "libgeos-dev", "proj.h": "libproj-dev",
    "portaudio.h": "portaudio19-dev", "alsa/asoundlib.h": "libasound2-dev", "sndfile.h": "libsndfile1-dev",
    "lber.h": "libldap-dev libsasl2-dev", "sasl/sasl.h": "libsasl2-dev", "gssapi/gssapi.h": "libkrb5-dev",
    "mpi.h": "libopenmpi-dev", "gmp.h": "libgmp-dev", "mpfr.h": "libmpfr-dev", "gsl/gsl_math.h": "libgsl-dev",
    "fftw3.h": "libfftw3-dev", "eigen3/Eigen/Core": "libeigen3-dev", "boost/version.hpp": "libboost-dev",
    "curl/curl.h": "libcurl4-openssl-dev", "yaml.h": "libyaml-dev", "cairo.h": "libcairo2-dev",
    "graphviz/cgraph.h": "libgraphviz-dev", "spatialindex/capi/sidx_api.h": "libspatialindex-dev",
    "libavformat/avformat.h": "libavformat-dev libavdevice-dev", "GL/gl.h": "libgl-dev", "X11/Xlib.h": "libx11-dev",
}  # fmt: skip
_PROGRAMS = {
    "gcc": "build-essential", "cc": "build-essential", "g++": "build-essential", "c++": "build-essential",
    "x86_64-linux-gnu-gcc": "build-essential", "aarch64-linux-gnu-gcc": "build-essential", "make": "build-essential",
    "gfortran": "gfortran", "clang": "clang", "cmake": "cmake", "ninja": "ninja-build", "cargo": "cargo",
    "rustc": "rustc", "swig": "swig", "pkg-config": "pkg-config", "git": "git", "hg": "mercurial", "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg", "sox": "sox", "dot": "graphviz", "tesseract": "tesseract-ocr", "pdftotext": "poppler-utils",
    "pdftoppm": "poppler-utils", "convert": "imagemagick", "java": "default-jre-headless", "node": "nodejs",
    "npm": "npm", "pg_config": "libpq-dev", "mysql_config": "libmariadb-dev", "gdal-config": "libgdal-dev",
    "nc-config": "libnetcdf-dev", "h5cc": "libhdf5-dev", "llvm-config": "llvm-dev", "wget": "wget", "curl": "curl",
    "unzip": "unzip", "xvfb-run": "xvfb", "Xvfb": "xvfb", "pandoc": "pandoc", "rsync": "rsync", "mpirun": "openmpi-bin",
    "mpicc": "libopenmpi-dev", "Rscript": "r-base-core", "samtools": "samtools", "bwa": "bwa",
    "exiftool": "libimage-exiftool-perl",
}  # fmt: skip

_NO_LIBRARY = (
    re.compile(r"(?P<name>lib[\w.+-]{1,80}\.so(?:\.\d+)*): cannot open shared object file"),
    re.compile(r"cannot load library ['\"](?P<name>lib[\w.+-]{1,80}\.so[\d.]*)"),
)
_NO_HEADER = re.compile(r"fatal error: (?P<name>[\w./+-]{1,100}): No such file or directory")
_NO_PROGRAM = (
    re.compile(r"No such file or directory: ['\"](?P<name>[\w.+-]{1,60})['\"]"),
    re.compile(r"(?:^|[\s/:])(?P<name>[\w.+-]{1,60}): (?:command )?not found\b"),
    re.compile(r"command ['\"](?P<name>[\w.+-]{1,60})['\"] failed: No such file or directory"),
    re.compile(r"['\"](?P<name>[\w.+-]{1,60})['\"] is not in this image"),
    re.compile(r"(?:unable to execute|can't find|could not find|cannot find) ['\"]?(?P<name>[\w.+-]{1,60})\b", re.I),
    re.compile(r"(?:^|[\s'\"])(?P<name>[\w.+-]{1,60})['\"]?(?: executable)? (?:is )?not (?:found|installed)\b"),
)
# A library that is missing ends a program at once; a program that is missing may be a warning long before the end.
_LINES = 60
_LINES_OF_PROGRAMS = 5


@dataclass(frozen=True, kw_only=True)
class MissingPackage:
    """`what`: the file or program that was not found; `packages`: those that bring it."""

    what: str
    packages: tuple[str, ...]

    @property
    def setting(self) -> str:
        """The line of aws-run.yaml that brings it."""
        return f"build: {{apt: [{', '.join(self.packages)}]}}"

    @property
    def remedy(self) -> str:
        """What to write, with and without a Dockerfile."""
        return f"`{self.setting}` brings it (in a Dockerfile: apt-get install -y {' '.join(self.packages)})"


def find_missing(text: str) -> MissingPackage | None:
    """The last thing that the end of `text`, the output of a job or a build, says was not found and that a Debian
    package brings."""
    lines = [line for line in text.splitlines()[-4 * _LINES :] if line.strip()][-_LINES:]
    for place, line in enumerate(reversed(lines)):
        package = _in_line(line[:1000], programs=place < _LINES_OF_PROGRAMS)
        if package is not None:
            return package
    return None


def _in_line(line: str, *, programs: bool) -> MissingPackage | None:
    for pattern in _NO_LIBRARY:
        if (library := pattern.search(line)) is not None and (known := _LIBRARIES.get(_stem(library["name"]))):
            return _missing(library["name"], known)
    header = _NO_HEADER.search(line)
    if header is not None and (known := _HEADERS.get(header["name"])):
        return _missing(header["name"], known)
    for pattern in _NO_PROGRAM if programs else ():
        if (program := pattern.search(line)) is not None and (known := _PROGRAMS.get(program["name"])):
            return _missing(program["name"], known)
    return None


def _stem(name: str) -> str:
    """`libjpeg` of `libjpeg.so.62`, `libgfortran` of `libgfortran-040039e1.so.5.0.0`."""
    return re.sub(r"-[0-9a-f]{8}$", "", name.partition(".so")[0])


def _missing(what: str, packages: str) -> MissingPackage:
    return MissingPackage(what=what, packages=tuple(packages.split()))
