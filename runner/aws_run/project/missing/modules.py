"""A Python module that a job did not find, and the package that brings it, which often has another name."""

from __future__ import annotations

import re
import sys

# PyPI's name of the package, where it is not that of the module. Of several that bring a module, the one for machines
# without a screen.
_PACKAGES = {
    "Bio": "biopython", "Crypto": "pycryptodome", "IPython": "ipython", "Levenshtein": "levenshtein",
    "MySQLdb": "mysqlclient", "OpenSSL": "pyopenssl", "PIL": "pillow",
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil",
    "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "pymupdf", "git": "gitpython",
    "googleapiclient": "google-api-python-client", "grpc": "grpcio", "hydra": "hydra-core",
    "ignite": "pytorch-ignite", "igraph": "igraph", "imblearn": "imbalanced-learn", "jose": "python-jose",
    "jwt": "pyjwt", "magic": "python-magic", "mpl_toolkits": "matplotlib",
    "nacl": "pynacl", "osgeo": "gdal", "pkg_resources": "setuptools<81", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "pydantic_core": "pydantic", "pylab": "matplotlib", "pythoncom": "pywin32",
    "pytorch_lightning": "pytorch-lightning", "ruamel": "ruamel.yaml", "serial": "pyserial",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "skopt": "scikit-optimize", "slugify": "python-slugify",
    "snappy": "python-snappy", "socks": "pysocks", "umap": "umap-learn",
    "usb": "pyusb", "win32api": "pywin32", "xdist": "pytest-xdist", "yaml": "pyyaml", "zmq": "pyzmq",
}  # fmt: skip
# What newer Pythons no longer bring ("What's New In Python 3.12" and 3.13), and what still does.
_GONE = {
    "distutils": "setuptools<81", "imp": None, "asynchat": None, "asyncore": None, "smtpd": None, "cgi": "legacy-cgi",
    "pipes": None, "crypt": None, "telnetlib": None, "imghdr": None, "sndhdr": None, "audioop": "audioop-lts",
}  # fmt: skip
_NO_MODULE = re.compile(r"^(?:E +)?ModuleNotFoundError: No module named '(?P<name>[\w.]{1,80})'", re.MULTILINE)
_END = 8000  # characters; an exception that ends a program stands at the end of what it printed


def module_advice(text: str) -> str | None:
    """What to do about the last module that the end of `text`, the output of a job, says was not found."""
    names = [match["name"] for match in _NO_MODULE.finditer(text[-_END:])]
    if not names:
        return None
    name, top = names[-1], names[-1].partition(".")[0]
    if top in _GONE:
        package = _GONE[top]
        older = '`build: {python: "3.11"}` takes a Python that has it'
        instead = f"; {package} in the project's list of dependencies brings it as well" if package else ""
        return f"newer Pythons have no {top}: {older}{instead}"
    if top in sys.stdlib_module_names:
        return None
    package = _PACKAGES.get(top)
    if name.startswith("google.cloud."):  # each of Google's services is a package of its own
        package = "-".join(name.split(".")[:3])
    if package is not None:
        return f"no list of the project brings the module {name}: add {package} to its dependencies"
    return (
        f"the module {name} is not in the image: add the package that brings it to the project's dependencies, or, if "
        f"it is the project's own, start the script from where it is (`command: python -m package.script`)"
    )
