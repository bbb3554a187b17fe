"""What well-known packages print where something of the system is missing, in their own words, and the Debian 12
packages that bring it."""

from __future__ import annotations

import re

# (what they print, what is missing, the packages)
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    # while a job runs
    (
        r"WeasyPrint could not import some external libraries",
        "Pango",
        "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    ),
    (r"sndfile library not found", "libsndfile", "libsndfile1"),
    (r"PortAudio library not found", "PortAudio", "libportaudio2"),
    (r"The 'enchant' C library was not found", "libenchant", "libenchant-2-2"),
    (r"Unable to find zbar shared library", "libzbar", "libzbar0"),
    (r"Unable to find dmtx shared library", "libdmtx", "libdmtx0b"),
    (r"failed to find libmagic", "libmagic", "libmagic1"),
    (r"MagickWand shared library not found", "ImageMagick", "libmagickwand-6.q16-6"),
    (
        r"Can not find Ghostscript library|Unable to locate Ghostscript|Ghostscript is not installed",
        "Ghostscript",
        "ghostscript",
    ),
    (r"libpq library not found|no pq wrapper available", "libpq", "libpq5"),
    (r"NoBackendError: No backend available", "libusb", "libusb-1.0-0"),
    (r"Unable to load any of the following libraries: ?libhidapi", "libhidapi", "libhidapi-hidraw0 libhidapi-libusb0"),
    (r"[Cc]ould not find lib(?:rary)? ?(?:lib)?geos_c", "libgeos_c", "libgeos-c1v5"),
    (r"[Cc]ould not find (?:or load )?(?:any of )?libspatialindex", "libspatialindex_c", "libspatialindex-c6"),
    (r"Could not find the GDAL library", "libgdal", "libgdal32"),
    (r"Could not load libtorchcodec|FFmpeg is not properly installed", "FFmpeg", "ffmpeg"),
    (
        r"No ffmpeg exe could be found|Couldn't find ffmpeg or avconv|MovieWriter \(?ffmpeg\)? not available",
        "ffmpeg",
        "ffmpeg",
    ),
    (r"audioread\.exceptions\.NoBackendError", "a decoder for that sound file", "ffmpeg"),
    (r"SoX could not be found", "sox", "sox"),
    (r"FLAC conversion utility not available", "flac", "flac"),
    (r"espeak not installed on your system", "espeak", "espeak-ng"),
    (
        r"failed to execute (?:PosixPath\()?\[?'dot'|GraphViz's executables not found|[\"']dot[\"'] not found in path"
        r"|install graphviz \(see instructions at",
        "dot",
        "graphviz",
    ),
    (r"tesseract is not installed or it's not in your PATH", "tesseract", "tesseract-ocr"),
    (r"Is poppler installed and in PATH\?", "pdfinfo", "poppler-utils"),
    (r"No wkhtmltopdf executable found", "wkhtmltopdf", "wkhtmltopdf"),
    (r"No wkhtmltoimage executable found", "wkhtmltoimage", "wkhtmltopdf"),
    (r"No pandoc was found|Pandoc wasn't found", "pandoc", "pandoc"),
    (r"xelatex not found on PATH", "xelatex", "texlive-xetex"),
    (r"(?:because|as) latex could not be found", "latex", "texlive-latex-extra cm-super dvipng"),
    (r"Could not find an available JavaScript runtime", "a JavaScript runtime", "nodejs"),
    (
        r"No JVM shared library file|No java install detected|Java gateway process exited before|JAVA_HOME is not set"
        r"|Cannot find Java\b|[`']java[`'] command is not found|Unable to find a Java runtime",
        "Java",
        "default-jre-headless",
    ),
    (r"Bad git executable|Cmd\('git'\) not found|Git executable not found|Cannot find command 'git'", "git", "git"),
    (
        r"ChromeNotFoundError|requires (?:Google )?Chrome to be installed|cannot find Chrome binary"
        r"|Unable to obtain driver for chrome|'chromedriver' executable needs to be in PATH",
        "Chromium",
        "chromium chromium-driver",
    ),
    (r"xauth command not found", "xauth", "xauth"),
    (r"unsupported locale setting", "the locale that is asked for", "locales-all"),
    (r"Can't open lib 'FreeTDS'", "FreeTDS's ODBC driver", "tdsodbc"),
    (r"Can't open lib 'PostgreSQL", "PostgreSQL's ODBC driver", "odbc-postgresql"),
    (r"Can't open lib 'MariaDB", "MariaDB's ODBC driver", "odbc-mariadb"),
    (r"Can't open lib 'SQLite", "SQLite's ODBC driver", "libsqliteodbc"),
    (r"libxcb-cursor0 is needed to load the Qt xcb platform plugin", "libxcb-cursor", "libxcb-cursor0"),
    # while something is built
    (r"pg_config executable not found|pg_config is required to build", "pg_config", "libpq-dev build-essential"),
    (
        r"Can not find valid pkg-config name|mysql_config not found",
        "MariaDB's headers",
        "default-libmysqlclient-dev build-essential pkg-config",
    ),
    (
        r"libxml2 and libxslt development packages are installed",
        "libxml2's headers",
        "libxml2-dev libxslt1-dev build-essential",
    ),
    (r"GDAL API version must be specified|Could not find gdal-config", "gdal-config", "libgdal-dev build-essential"),
    (r"proj executable not found", "proj", "libproj-dev proj-bin build-essential"),
    (
        r"Unable to load dependency HDF5|Could not find a local HDF5 installation|[Dd]id not find HDF5 headers",
        "HDF5's headers",
        "libhdf5-dev pkg-config build-essential",
    ),
    (r"[Dd]id not find netCDF version 4 headers", "netCDF's headers", "libnetcdf-dev build-essential"),
    (r"Could not run curl-config", "curl-config", "libcurl4-openssl-dev libssl-dev build-essential"),
    (r"rpy2 in API mode cannot be built without R|r_home is None|R home could not be found", "R", "r-base-dev"),
    (r"set the ICU_VERSION environment", "ICU's headers", "libicu-dev pkg-config build-essential"),
    (r"CMake must be installed to build", "cmake", "cmake build-essential"),
    (r"Unknown compiler\(s\): \[\['gfortran'", "a Fortran compiler", "gfortran"),
    (
        r"Unknown compiler\(s\): |Unsupported compiler -- at least C\+\+|CMAKE_(?:C|CXX)_COMPILER not set"
        r"|No CMAKE_(?:C|CXX)_COMPILER could be found|linker `cc` not found",
        "a C compiler",
        "build-essential",
    ),
    (r"No CMAKE_Fortran_COMPILER could be found", "a Fortran compiler", "gfortran"),
    (
        r"can't find Rust compiler|Cargo, the Rust package manager, is not installed",
        "Rust's compiler",
        "cargo build-essential",
    ),
    (
        r"[Uu]nable to invoke pkg-config|pkg-config is required for|pkg-config probably not installed"
        r"|Did not find pkg-config|install pkg-config",
        "pkg-config",
        "pkg-config",
    ),
    (r"have to install the kernel header files", "linux/input.h", "build-essential"),
)
_ALL = tuple((re.compile(pattern), what, packages) for pattern, what, packages in _SENTENCES)
_LANGUAGE = re.compile(r"Error opening data file \S{1,200}/(?P<name>[a-z_]{3,12})\.traineddata")


def sentence_in(line: str) -> tuple[str, str] | None:
    """What a well-known package says in this line is missing, and the packages that bring it."""
    for pattern, what, packages in _ALL:
        if pattern.search(line):
            return what, packages
    language = _LANGUAGE.search(line)
    if language is not None and language["name"] not in ("eng", "osd"):
        return f"tesseract's language {language['name']}", f"tesseract-ocr-{language['name'].replace('_', '-')}"
    return None
