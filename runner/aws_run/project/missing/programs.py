"""The Debian 12 package of each program that jobs and builds miss."""

from __future__ import annotations

import re

from aws_run.project.missing.tables import by_name

_PROGRAMS_BY_PACKAGE = """
build-essential: gcc cc g++ c++ x86_64-linux-gnu-gcc aarch64-linux-gnu-gcc make
build-essential: x86_64-linux-gnu-g++ aarch64-linux-gnu-g++
gfortran: gfortran
clang: clang clang++
cmake: cmake
ninja-build: ninja
meson: meson
cargo: cargo rustc
golang-go: go
swig: swig
pkg-config: pkg-config pkgconf
autoconf: autoconf autoreconf
automake: automake aclocal
libtool: libtoolize
bison: bison
flex: flex
nasm: nasm
yasm: yasm
patchelf: patchelf
protobuf-compiler: protoc
git: git
git-lfs: git-lfs
mercurial: hg
subversion: svn
ffmpeg: ffmpeg ffprobe ffplay
sox: sox soxi
lame: lame
flac: flac metaflac
espeak-ng: espeak-ng espeak
mediainfo: mediainfo
graphviz: dot neato fdp sfdp twopi circo
tesseract-ocr: tesseract
poppler-utils: pdftotext pdftoppm pdfinfo pdfimages pdftocairo pdftohtml pdfunite pdfseparate
ghostscript: gs
qpdf: qpdf
unpaper: unpaper
pngquant: pngquant
imagemagick: convert identify mogrify montage composite
libimage-exiftool-perl: exiftool
librsvg2-bin: rsvg-convert
inkscape: inkscape
wkhtmltopdf: wkhtmltopdf wkhtmltoimage
pandoc: pandoc
texlive-latex-base: latex pdflatex
texlive-xetex: xelatex
texlive-luatex: lualatex
dvipng: dvipng
libreoffice: soffice libreoffice
chromium: chromium
chromium-driver: chromedriver
default-jre-headless: java
default-jdk: javac jar
maven: mvn
nodejs: node nodejs
npm: npm npx
ruby: ruby
r-base-core: R Rscript
octave: octave
gnuplot: gnuplot
libpq-dev: pg_config
default-libmysqlclient-dev: mysql_config mariadb_config
libgdal-dev: gdal-config
gdal-bin: gdalinfo gdal_translate gdalwarp ogr2ogr ogrinfo
libgeos-dev: geos-config
proj-bin: proj
libnetcdf-dev: nc-config
netcdf-bin: ncdump ncgen
nco: ncks ncra ncrcat
cdo: cdo
libhdf5-dev: h5cc
hdf5-tools: h5dump h5ls
llvm-dev: llvm-config
libkrb5-dev: krb5-config
libcurl4-openssl-dev: curl-config
libxml2-dev: xml2-config
libxslt1-dev: xslt-config
libcups2-dev: cups-config
libmagickwand-dev: MagickWand-config
libopenmpi-dev: mpicc mpicxx mpifort
openmpi-bin: mpirun mpiexec orterun
postgresql-client: psql pg_dump pg_restore
default-mysql-client: mysql mysqldump
sqlite3: sqlite3
redis-tools: redis-cli
coinor-cbc: cbc
glpk-utils: glpsol
samtools: samtools
bcftools: bcftools
tabix: tabix bgzip
bedtools: bedtools
bwa: bwa
bowtie2: bowtie2 bowtie2-build
minimap2: minimap2
ncbi-blast+: blastn blastp makeblastdb
hmmer: hmmsearch hmmscan
mafft: mafft
fastqc: fastqc
seqtk: seqtk
wget: wget
curl: curl
aria2: aria2c
rsync: rsync
openssh-client: ssh scp ssh-keygen sftp
gnupg: gpg
unzip: unzip
zip: zip
p7zip-full: 7z 7za
unar: unar lsar
xz-utils: xz
bzip2: bzip2
zstd: zstd
pigz: pigz
jq: jq
bc: bc
gawk: gawk
file: file
time: time
less: less
parallel: parallel
dos2unix: dos2unix
procps: ps top pgrep pkill free
psmisc: killall
lsof: lsof
iproute2: ip
iputils-ping: ping
net-tools: ifconfig netstat
lsb-release: lsb_release
xvfb: xvfb-run Xvfb
xauth: xauth
"""
PROGRAMS = by_name(_PROGRAMS_BY_PACKAGE)

_NAME = r"['\"\u2018`]?(?P<name>[\w.+-]{1,60})['\"\u2019`]?"
# Only a system that has looked for the program says these.
_SURE = (
    re.compile(rf"No such file or directory: {_NAME}$"),
    re.compile(rf"No such file or directory: {_NAME}\W"),
    re.compile(r"(?:^|[\s/:])(?P<name>[\w.+-]{1,60}): (?:command )?not found\s*$"),
    re.compile(rf"command {_NAME} failed: No such file or directory"),
    re.compile(rf"(?:^|\s)(?:/usr/bin/)?env: {_NAME}: No such file or directory"),
    re.compile(rf"(?:^|\s)make(?:\[\d+\])?: {_NAME}: No such file or directory"),
    re.compile(r"exec: ['\"](?P<name>[\w.+-]{1,60})['\"]: executable file not found"),
    re.compile(r"['\"](?P<name>[\w.+-]{1,60})['\"] is not in this image"),
    re.compile(r"Command '(?:\[')?(?:/\S*/)?(?P<name>[\w.+-]{1,60})[ '].{0,400}returned non-zero exit status 127"),
)
# These are sentences, and may be of anything.
_LIKELY = (
    re.compile(rf"(?:unable to execute|can't find|could not find|cannot find) {_NAME}(?=\W|$)", re.I),
    re.compile(
        r"(?:^|[\s'\"`])(?P<name>[\w.+-]{1,60})['\"`]?(?: executable| command)? (?:is )?not (?:found|installed)\b"
    ),
)
_WORDS = frozenset(
    [
        "bc",
        "cc",
        "circo",
        "cdo",
        "convert",
        "composite",
        "dot",
        "file",
        "flex",
        "free",
        "go",
        "identify",
        "ip",
        "jar",
        "less",
        "make",
        "montage",
        "mysql",
        "node",
        "parallel",
        "proj",
        "ps",
        "R",
        "ruby",
        "rustc",
        "tabix",
        "time",
        "top",
        "zip",
    ]
)
# Meson tries one compiler after the other, and says at last that it has none.
_TRIED = re.compile(r"^\s*Running `\S{1,60} .{0,20}` gave ")


def program_in(line: str, *, likely: bool) -> tuple[str, str] | None:
    """The program that the line says is not there, and the package that brings it. `likely`: also from a sentence that
    does not say so for sure."""
    if _TRIED.match(line):
        return None
    for pattern in _SURE:
        match = pattern.search(line)
        if match is not None and (package := PROGRAMS.get(match["name"])):
            return match["name"], package
    for pattern in _LIKELY if likely else ():
        match = pattern.search(line)
        if match is not None and match["name"] not in _WORDS and (package := PROGRAMS.get(match["name"])):
            return match["name"], package
    return None
