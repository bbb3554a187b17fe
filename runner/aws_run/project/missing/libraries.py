"""The Debian 12 package of each shared library that programs miss.

A library's name says its version, and another version is another library: the packages of Debian 12 help nobody who
looks for libssl.so.1.1. What comes with an NVIDIA driver or with CUDA is in no package that would help.
"""

from __future__ import annotations

import re

# Name and version of a library as programs look for it, package.
_TABLE = """
libGL.so.1 libgl1
libEGL.so.1 libegl1
libGLX.so.0 libglx0
libGLESv2.so.2 libgles2
libOpenGL.so.0 libopengl0
libGLU.so.1 libglu1-mesa
libOSMesa.so.8 libosmesa6
libglut.so.3 libglut3.12
libgbm.so.1 libgbm1
libvulkan.so.1 libvulkan1
libOpenCL.so.1 ocl-icd-libopencl1
libgthread-2.0.so.0 libglib2.0-0
libglib-2.0.so.0 libglib2.0-0
libgobject-2.0.so.0 libglib2.0-0
libgio-2.0.so.0 libglib2.0-0
libgmodule-2.0.so.0 libglib2.0-0
libgirepository-1.0.so.1 libgirepository-1.0-1
libSM.so.6 libsm6
libICE.so.6 libice6
libX11.so.6 libx11-6
libX11-xcb.so.1 libx11-xcb1
libXext.so.6 libxext6
libXrender.so.1 libxrender1
libXi.so.6 libxi6
libXrandr.so.2 libxrandr2
libXcursor.so.1 libxcursor1
libXfixes.so.3 libxfixes3
libXxf86vm.so.1 libxxf86vm1
libXcomposite.so.1 libxcomposite1
libXdamage.so.1 libxdamage1
libXtst.so.6 libxtst6
libXss.so.1 libxss1
libXt.so.6 libxt6
libXft.so.2 libxft2
libxcb.so.1 libxcb1
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
libxcb-xkb.so.1 libxcb-xkb1
libxcb-cursor.so.0 libxcb-cursor0
libxkbcommon.so.0 libxkbcommon0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libgtk-3.so.0 libgtk-3-0
libgtk-x11-2.0.so.0 libgtk2.0-0
libtk8.6.so libtk8.6
libtcl8.6.so libtcl8.6
libgomp.so.1 libgomp1
libgfortran.so.5 libgfortran5
libstdc++.so.6 libstdc++6
libatomic.so.1 libatomic1
libquadmath.so.0 libquadmath0
libopenblas.so.0 libopenblas0
libblas.so.3 libblas3
libcblas.so.3 libatlas3-base
libf77blas.so.3 libatlas3-base
liblapack.so.3 liblapack3
libmpi.so.40 libopenmpi3
libtbb.so.12 libtbb12
libnuma.so.1 libnuma1
libmetis.so.5 libmetis5
libarpack.so.2 libarpack2
libcholmod.so.3 libcholmod3
libffi.so.8 libffi8
libcrypt.so.1 libcrypt1
libaio.so.1 libaio1
libjemalloc.so.2 libjemalloc2
libtcmalloc.so.4 libgoogle-perftools4
libunwind.so.8 libunwind8
libsndfile.so.1 libsndfile1
libportaudio.so.2 libportaudio2
libasound.so.2 libasound2
libpulse.so.0 libpulse0
libsox.so.3 libsox3
libespeak-ng.so.1 libespeak-ng1
libavcodec.so.59 ffmpeg
libavformat.so.59 ffmpeg
libavdevice.so.59 ffmpeg
libavfilter.so.8 ffmpeg
libavutil.so.57 ffmpeg
libswscale.so.6 ffmpeg
libswresample.so.4 ffmpeg
libgstreamer-1.0.so.0 libgstreamer1.0-0
libSDL2-2.0.so.0 libsdl2-2.0-0
libcairo.so.2 libcairo2
libcairo-gobject.so.2 libcairo-gobject2
libpango-1.0.so.0 libpango-1.0-0
libpangocairo-1.0.so.0 libpangocairo-1.0-0
libpangoft2-1.0.so.0 libpangoft2-1.0-0
libharfbuzz.so.0 libharfbuzz0b
libharfbuzz-subset.so.0 libharfbuzz-subset0
libgdk_pixbuf-2.0.so.0 libgdk-pixbuf-2.0-0
libfontconfig.so.1 libfontconfig1
libfreetype.so.6 libfreetype6
libjpeg.so.62 libjpeg62-turbo
libpng16.so.16 libpng16-16
libtiff.so.6 libtiff6
libwebp.so.7 libwebp7
libopenjp2.so.7 libopenjp2-7
libraw.so.20 libraw20
libheif.so.1 libheif1
libMagickWand-6.Q16.so.6 libmagickwand-6.q16-6
libvips.so.42 libvips42
libopenslide.so.0 libopenslide0
libzbar.so.0 libzbar0
libdmtx.so.0 libdmtx0b
libtesseract.so.5 libtesseract5
liblept.so.5 liblept5
libpoppler-cpp.so.0 libpoppler-cpp0v5
libgs.so.10 libgs10
libcgraph.so.6 libcgraph6
libgvc.so.6 libgvc6
libxml2.so.2 libxml2
libxslt.so.1 libxslt1.1
libexslt.so.0 libxslt1.1
libxmlsec1.so.1 libxmlsec1
libxmlsec1-openssl.so.1 libxmlsec1-openssl
libicuuc.so.72 libicu72
libenchant-2.so.2 libenchant-2-2
libpq.so.5 libpq5
libmariadb.so.3 libmariadb3
libodbc.so.2 unixodbc
libodbcinst.so.2 libodbcinst2
libsybdb.so.5 libsybdb5
libsqlite3.so.0 libsqlite3-0
mod_spatialite.so libsqlite3-mod-spatialite
libgdal.so.32 libgdal32
libgeos_c.so.1 libgeos-c1v5
libproj.so.25 libproj25
libspatialite.so.7 libspatialite7
libspatialindex.so.6 libspatialindex6
libspatialindex_c.so.6 libspatialindex-c6
libhdf5_serial.so.103 libhdf5-103-1
libhdf5_serial_hl.so.100 libhdf5-hl-100
libnetcdf.so.19 libnetcdf19
libgsl.so.27 libgsl27
libfftw3.so.3 libfftw3-double3
libfftw3f.so.3 libfftw3-single3
libgmp.so.10 libgmp10
libmpfr.so.6 libmpfr6
libglpk.so.40 libglpk40
libusb-1.0.so.0 libusb-1.0-0
libhidapi-libusb.so.0 libhidapi-libusb0
libhidapi-hidraw.so.0 libhidapi-hidraw0
libpcap.so.0.8 libpcap0.8
libsnappy.so.1 libsnappy1v5
liblz4.so.1 liblz4-1
libzstd.so.1 libzstd1
libarchive.so.13 libarchive13
libmagic.so.1 libmagic1
libsodium.so.23 libsodium23
libzmq.so.5 libzmq5
libcurl.so.4 libcurl4
libgssapi_krb5.so.2 libgssapi-krb5-2
libkrb5.so.3 libkrb5-3
libldap-2.5.so.0 libldap-2.5-0
libsasl2.so.2 libsasl2-2
libssl.so.3 libssl3
libcrypto.so.3 libssl3
libnss3.so libnss3
libnspr4.so libnspr4
libatk-1.0.so.0 libatk1.0-0
libatk-bridge-2.0.so.0 libatk-bridge2.0-0
libatspi.so.0 libatspi2.0-0
libcups.so.2 libcups2
libdrm.so.2 libdrm2
libdbus-1.so.3 libdbus-1-3
libsecret-1.so.0 libsecret-1-0
libedit.so.2 libedit2
libreadline.so.8 libreadline8
libncurses.so.6 libncurses6
libncurses.so.5 libncurses5
libtinfo.so.6 libtinfo6
libtinfo.so.5 libtinfo5
libpcre.so.3 libpcre3
libpython3.11.so.1.0 libpython3.11
libjvm.so default-jre-headless
libR.so r-base-core
"""
_PACKAGES = dict(line.split() for line in _TABLE.split("\n") if line)

# `libgobject-2.0-0` and `pango-1.0-0` are how cffi's users name a library before they try its file.
_SAID = (
    re.compile(r"(?P<name>(?:lib|mod_)[\w.+-]{1,80}\.so(?:\.\d+)*): cannot open shared object file"),
    re.compile(r"cannot load library ['\"](?P<name>lib[\w.+-]{1,80}\.so[\d.]*)"),
    re.compile(r"cannot load library ['\"](?P<name>[\w.+-]{1,80})['\"]"),
)
_CFFI = re.compile(r"^(?:lib)?(?P<stem>[a-z][\w+]*(?:-\d+\.\d+)?)(?:-\d+)?$")


def library_in(line: str) -> tuple[str, str] | None:
    """The library that the line says is not there, and the package that brings it."""
    for pattern in _SAID:
        match = pattern.search(line)
        if match is not None and (package := _package_of(match["name"])) is not None:
            return match["name"], package
    return None


def _package_of(name: str) -> str | None:
    if ".so" in name:
        return next((package for known, package in _PACKAGES.items() if _is_asked_for(name, known)), None)
    cffi = _CFFI.match(name)
    wanted = f"lib{cffi['stem']}.so" if cffi is not None else ""
    return next((package for known, package in _PACKAGES.items() if wanted and known.startswith(f"{wanted}.")), None)


def _is_asked_for(name: str, known: str) -> bool:
    """Whether the package of `known` helps who looks for `name`: a longer name may be its real file, a shorter one
    leaves the version open."""
    return name == known or name.startswith(f"{known}.") or (known.startswith(f"{name}.") and name.endswith(".so"))
