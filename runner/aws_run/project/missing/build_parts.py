"""The Debian 12 packages of each header, and of each library to link with, that builds miss."""

from __future__ import annotations

import re

from aws_run.project.missing.tables import by_name

_HEADERS_BY_PACKAGES = """
python3-dev: Python.h
libpq-dev: libpq-fe.h
default-libmysqlclient-dev: mysql.h mysql/mysql.h
unixodbc-dev: sql.h sqlext.h
libffi-dev: ffi.h
libssl-dev: openssl/ssl.h openssl/opensslv.h openssl/evp.h openssl/err.h
zlib1g-dev: zlib.h
libbz2-dev: bzlib.h
liblzma-dev: lzma.h
liblz4-dev: lz4.h
libzstd-dev: zstd.h
libsnappy-dev: snappy-c.h snappy.h
libxml2-dev libxslt1-dev: libxml/xpath.h libxml/xmlversion.h libxml/parser.h libxml/tree.h libxslt/xsltconfig.h
libxmlsec1-dev: xmlsec/xmlsec.h
libjpeg-dev: jpeglib.h
libpng-dev: png.h
libtiff-dev: tiff.h tiffio.h
libfreetype-dev: ft2build.h
libhdf5-dev: hdf5.h
libnetcdf-dev: netcdf.h
libgdal-dev: gdal.h gdal_version.h cpl_port.h cpl_conv.h
libgeos-dev: geos_c.h
libproj-dev: proj.h proj_api.h
portaudio19-dev: portaudio.h
libasound2-dev: alsa/asoundlib.h
libsndfile1-dev: sndfile.h
libldap-dev libsasl2-dev: lber.h ldap.h
libsasl2-dev: sasl/sasl.h
libkrb5-dev: gssapi/gssapi.h gssapi.h krb5.h
libopenmpi-dev: mpi.h
libgmp-dev: gmp.h
libmpfr-dev: mpfr.h
libmpc-dev: mpc.h
libgsl-dev: gsl/gsl_math.h gsl/gsl_sf.h
libfftw3-dev: fftw3.h
libopenblas-dev: cblas.h openblas/cblas.h
libeigen3-dev: eigen3/Eigen/Core Eigen/Core Eigen/Dense
libboost-dev: boost/version.hpp boost/config.hpp
libboost-python-dev: boost/python.hpp
libcurl4-openssl-dev: curl/curl.h
libyaml-dev: yaml.h
libcairo2-dev: cairo.h cairo/cairo.h
libgraphviz-dev: graphviz/cgraph.h
libspatialindex-dev: spatialindex/capi/sidx_api.h
libavformat-dev libavdevice-dev: libavformat/avformat.h libavcodec/avcodec.h libavutil/avutil.h
libgl-dev: GL/gl.h
libglu1-mesa-dev: GL/glu.h
freeglut3-dev: GL/glut.h
libx11-dev: X11/Xlib.h
libsdl2-dev: SDL.h SDL2/SDL.h
libmagic-dev: magic.h
libtesseract-dev libleptonica-dev: tesseract/baseapi.h leptonica/allheaders.h
libpoppler-cpp-dev: poppler/cpp/poppler-document.h poppler-document.h
libusb-1.0-0-dev: libusb.h libusb-1.0/libusb.h
libudev-dev: libudev.h
libbluetooth-dev: bluetooth/bluetooth.h
libpcap-dev: pcap.h pcap/pcap.h
libpcre3-dev: pcre.h
libsqlite3-dev: sqlite3.h
libreadline-dev: readline/readline.h
libncurses-dev: ncurses.h curses.h
libsodium-dev: sodium.h
libzmq3-dev: zmq.h
libmemcached-dev: libmemcached/memcached.h
libcups2-dev: cups/cups.h cups/http.h
libsystemd-dev: systemd/sd-daemon.h systemd/sd-journal.h
libglpk-dev: glpk.h
libsuitesparse-dev: cholmod.h umfpack.h suitesparse/cholmod.h SuiteSparseQR_definitions.h
libnuma-dev: numa.h
libattr1-dev: attr/xattr.h
libacl1-dev: sys/acl.h
libcap-dev: sys/capability.h
libgphoto2-dev: gphoto2/gphoto2.h
libmecab-dev: mecab.h
libhidapi-dev: hidapi.h hidapi/hidapi.h
build-essential: stdio.h stdlib.h limits.h iostream
"""
# As pkg-config calls them.
_MODULES_BY_PACKAGES = """
libcairo2-dev: cairo py3cairo
libgirepository1.0-dev: gobject-introspection-1.0 girepository-1.0
libglib2.0-dev: glib-2.0 gobject-2.0 gio-2.0
libdbus-1-dev libglib2.0-dev: dbus-1 dbus-glib-1
libffi-dev: libffi
libxml2-dev libxslt1-dev: libxml-2.0 libxslt
libxmlsec1-dev: xmlsec1
libicu-dev: icu-i18n icu-uc
libpq-dev: libpq
default-libmysqlclient-dev: mysqlclient mariadb libmariadb
libhdf5-dev: hdf5
libnetcdf-dev: netcdf
libopenblas-dev: openblas OpenBLAS
liblapack-dev: lapack
libblas-dev: blas
libavformat-dev libavdevice-dev libavfilter-dev: libavformat libavcodec libavdevice libavutil
libavformat-dev libavdevice-dev libavfilter-dev: libavfilter libswscale libswresample
libusb-1.0-0-dev: libusb-1.0
libudev-dev: libudev
libsystemd-dev: libsystemd systemd
libfuse3-dev: fuse3
libssl-dev: openssl libssl libcrypto
libfreetype-dev: freetype2
libpng-dev: libpng
libgraphviz-dev: libcgraph libgvc
libmagickwand-dev: MagickWand
libpoppler-cpp-dev: poppler-cpp
libtesseract-dev libleptonica-dev: tesseract lept
libvips-dev: vips vips-cpp
libsdl2-dev: sdl2
portaudio19-dev: portaudio-2.0
libzmq3-dev: libzmq
libsodium-dev: libsodium
libvirt-dev: libvirt
libproj-dev: proj
libgeos-dev: geos
libgsl-dev: gsl
libfftw3-dev: fftw3
libeigen3-dev: eigen3
libarchive-dev: libarchive
"""
# What the linker looks for, by `-l`.
_LINKED_BY_PACKAGE = """
libpq-dev: pq
default-libmysqlclient-dev: mysqlclient mariadb
libssl-dev: ssl crypto
zlib1g-dev: z
libbz2-dev: bz2
liblzma-dev: lzma
libxml2-dev: xml2
libxslt1-dev: xslt exslt
libffi-dev: ffi
libsnappy-dev: snappy
libblas-dev: blas
liblapack-dev: lapack
libopenblas-dev: openblas
gfortran: gfortran
libgl-dev: GL
libx11-dev: X11
libportaudio2 portaudio19-dev: portaudio
libldap-dev libsasl2-dev: ldap ldap_r lber
libgdal-dev: gdal
libgeos-dev: geos_c
libhdf5-dev: hdf5
libcurl4-openssl-dev: curl
libgmp-dev: gmp
libmpfr-dev: mpfr
libfftw3-dev: fftw3 fftw3f
libgsl-dev: gsl gslcblas
libboost-python-dev: boost_python boost_python3 boost_python311
libspatialindex-dev: spatialindex spatialindex_c
libsqlite3-dev: sqlite3
unixodbc-dev: odbc
libnuma-dev: numa
libglpk-dev: glpk
python3-dev: python3.11
"""


_HEADERS = by_name(_HEADERS_BY_PACKAGES)
_MODULES = by_name(_MODULES_BY_PACKAGES)
_LINKED = by_name(_LINKED_BY_PACKAGE)

_NO_HEADER = re.compile(
    r"fatal error: ['\"]?(?P<name>[\w./+-]{1,100})['\"]?(?:: No such file or directory| file not found)"
)
_NO_MODULE = (
    re.compile(
        r"Package ['\"]?(?P<name>[\w.+-]{1,60})['\"]?"
        r"(?: was not found in the pkg-config|,? required by .{1,200} not found)"
    ),
    re.compile(r"No package ['\"](?P<name>[\w.+-]{1,60})['\"] found"),
    re.compile(r"Dependency ['\"](?P<name>[\w.+-]{1,60})['\"] not found"),
    re.compile(r"Dependency lookup for (?P<name>[\w.+-]{1,60}) with method"),
    re.compile(r"pkg-config could not find (?:library|libraries) \[?['\"]?(?P<name>[\w.+-]{1,60})"),
    re.compile(r"pkg-config error: (?P<name>[\w.+-]{1,60}) is not installed"),
)
_NOT_LINKED = re.compile(r"cannot find -l(?P<name>[\w.+-]{1,60})")


def build_part_in(line: str) -> tuple[str, str] | None:
    """The header or library that a compiler, a linker or pkg-config did not find, and the packages that bring it."""
    for table, patterns in ((_HEADERS, (_NO_HEADER,)), (_MODULES, _NO_MODULE), (_LINKED, (_NOT_LINKED,))):
        for pattern in patterns:
            match = pattern.search(line)
            if match is not None and (packages := table.get(match["name"])):
                return match["name"], packages
    return None
