"""What conda calls its packages, and what of them the package index has."""

from __future__ import annotations

import re

# Conda's name → the package index's. Empty: comes with Python or with another package of the list.
OTHER_NAMES = {
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
# What of these stands in lists for pip all the same, with a version that no index has.
_IN_LISTS_FOR_PIP = frozenset(
    {
        "conda", "python_abi", "_libgcc_mutex", "_openmp_mutex", "libgcc-ng", "libstdcxx-ng", "libgomp",
        "ld_impl_linux-64", "ca-certificates", "openssl", "ncurses", "libffi", "bzip2", "vc", "vs2015_runtime",
        "cudatoolkit", "cudnn",
    }
)  # fmt: skip
_FOR_PIP = re.compile(r"^(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?:(?:[=<>!~]=|[<>])=?\s*(?P<version>\d[\w.]*)?.*)?$")


def only_conda_has(name: str) -> bool:
    """`name` in lower case."""
    return name in _ONLY_CONDA or (name not in OTHER_NAMES and name.startswith(_ONLY_CONDA_PREFIXES))


def advice_on_conda(name: str, version: str) -> str:
    """What to write in a list for pip instead of conda's `name=version`."""
    name = name.lower()
    if name == "python":
        return _advice_on_python(version)
    if name == "conda" or OTHER_NAMES.get(name) == "":
        return "it comes with Python or with conda itself; remove the line"
    if only_conda_has(name):
        return f"only conda has {name}; list it in an environment.yml"
    return f"conda's way to write {OTHER_NAMES.get(name, name)}=={version}"


def advice_for_pip(line: str) -> str:
    """What to do about a line of pip's form that names Python itself or a part of conda; empty: it is neither."""
    match = _FOR_PIP.match(line.partition(";")[0].strip())
    name = match["name"].lower() if match is not None else ""
    if match is None or not (name == "python" or (name in _IN_LISTS_FOR_PIP and match["version"])):
        return ""
    return _advice_on_python(match["version"] or "") if name == "python" else advice_on_conda(name, "")


def _advice_on_python(version: str) -> str:
    series = ".".join(version.split(".")[:2])
    way = (
        f'remove the line, and write `build: {{python: "{series}"}}` into aws-run.yaml' if series else "remove the line"
    )
    return f"Python itself is in no package index; {way}"
