"""environment.yml: what conda would install, as lines for the package index, and what only conda has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aws_run.config.yamlfile import Mapping, Scalar, Sequence, parse_yaml
from aws_run.errors import ConfigError, SourceError
from aws_run.project.folder import Folder
from aws_run.project.versions import from_conda

NAMES = ("environment.yml", "environment.yaml", "conda.yaml", "conda.yml")
# Conda's name → the package index's. Empty: comes with Python or with another package of the list.
_OTHER_NAMES = {
    "pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "pytorch-cuda": "", "cpuonly": "",
    "pytorch-lightning": "pytorch-lightning", "tensorflow-gpu": "tensorflow", "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn",
    "dask-core": "dask", "python-graphviz": "graphviz", "pytables": "tables", "msgpack-python": "msgpack",
    "faiss": "faiss-cpu", "faiss-cpu": "faiss-cpu", "jupyterlab": "jupyterlab", "brotlipy": "brotli",
    "importlib_metadata": "importlib-metadata", "python_abi": "", "pip": "", "setuptools": "setuptools",
    "libblas": "", "blas": "", "openblas": "", "mkl": "", "nomkl": "", "ca-certificates": "", "certifi": "certifi",
    "openssl": "", "libgcc-ng": "", "tk": "", "sqlite": "", "xz": "", "zlib": "", "readline": "", "ncurses": "",
    "libffi": "", "bzip2": "", "ld_impl_linux-64": "", "_libgcc_mutex": "", "_openmp_mutex": "", "libstdcxx-ng": "",
    "libgomp": "", "tzdata": "tzdata", "py-xgboost": "xgboost", "ruamel_yaml": "ruamel.yaml",
}  # fmt: skip
# Programs and libraries that are no Python packages.
_ONLY_CONDA = frozenset(
    {
        "cudatoolkit", "cudnn", "cuda", "cuda-toolkit", "nccl", "gcc", "gxx", "gfortran", "compilers", "c-compiler",
        "cxx-compiler", "gdal", "libgdal", "proj", "geos", "nodejs", "openjdk", "ffmpeg", "git", "make", "graphviz",
        "samtools", "bcftools", "bedtools", "bwa", "blast", "htslib", "imagemagick", "tesseract", "poppler", "r-base",
        "julia", "octave", "postgresql", "mysql", "redis-server", "rust", "go", "curl", "wget", "openmpi", "mpich",
        "gcc_linux-64", "gxx_linux-64", "cuda-nvcc", "libopencv", "boost", "boost-cpp", "eigen", "hdf5", "netcdf4-c",
    }
)  # fmt: skip
_ONLY_CONDA_PREFIXES = ("r-", "bioconductor-", "perl-", "lib")
_ENTRY = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)(?P<rest>.*)$")


@dataclass(frozen=True, kw_only=True)
class CondaEnvironment:
    """`python`: as `requires-python` would say it; None where nothing is asked for."""

    lines: tuple[str, ...]
    python: str | None


def read_conda(folder: Folder, path: str) -> CondaEnvironment:
    """SourceError for what can't be read, and for packages that conda alone has, all of them by name."""
    try:
        tree = parse_yaml(folder.read_text(path), path)
    except ConfigError as error:
        raise SourceError(f"{path} can't be read: {error.message}", hint="correct it") from None
    listed = tree.items.get("dependencies")
    lines: list[str] = []
    lacking: list[str] = []
    python: str | None = None
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping):
            lines += _pip_lines(item)
            continue
        entry = _ENTRY.match(item.text.strip()) if isinstance(item, Scalar) else None
        if entry is None:
            continue
        name, rest = entry["name"].lower(), entry["rest"].strip()
        if name == "python":
            python = from_conda(rest) or None
        elif name in _ONLY_CONDA or (name not in _OTHER_NAMES and name.startswith(_ONLY_CONDA_PREFIXES)):
            lacking.append(name)
        else:
            package = _OTHER_NAMES.get(name, name)
            version = from_conda(rest)
            if package:
                # Under another name the versions of conda's build tools mean nothing.
                lines.append(f"{package}{version or ''}")
    if lacking:
        raise SourceError(
            f"{path} lists what only conda has: {', '.join(lacking)}",
            hint="take them out and install them by `build: {apt: [...]}`, or give the project a Dockerfile "
            "(FROM mambaorg/micromamba), or name another list with `build: {dependencies: requirements.txt}`",
        )
    return CondaEnvironment(lines=tuple(lines), python=python)


def _pip_lines(section: Mapping) -> list[str]:
    listed = section.items.get("pip")
    items = listed.items if isinstance(listed, Sequence) else ()
    return [item.text.strip() for item in items if isinstance(item, Scalar) and item.text.strip()]
