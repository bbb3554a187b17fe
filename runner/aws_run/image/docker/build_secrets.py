"""What a build needs from this machine and must not keep: the CA bundle, package indexes, proxies.

Read from the environment that pip, uv and requests use themselves. They may hold passwords, so they go to the
build as secrets: mounted while a command runs, in no layer and no history. A Dockerfile of the project's own can read
what it mounts and send it anywhere, so it gets them without their passwords unless the user trusts it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from urllib.parse import urlsplit

from aws_run.errors import ConfigError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.image.plan import ImagePlan
from aws_run.image.recipe.recipe import StandardRecipe

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE")
# What OpenSSL, requests, pip and curl read. pip before 24.2 knows PIP_CERT alone.
CA_READ_BY_PROGRAMS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
# For a Dockerfile of the project's own, which need not know what each program reads, and may mount no bundle.
_MOUNTED_CA = "if [ -s /run/secrets/ca ]; then export {}; fi\n".format(
    " ".join(f"{name}=/run/secrets/ca" for name in CA_READ_BY_PROGRAMS)
)
# Taken over as they are. UV_INDEX_<NAME>_USERNAME and _PASSWORD belong to indexes that a pyproject.toml names.
_INDEX_VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    # Where a Python comes from that no base image has.
    "UV_PYTHON_INSTALL_MIRROR",
    "UV_PYTHON_DOWNLOADS_JSON_URL",
)
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
# What comes before the last @ of an address' host, and what belongs to an index that is named elsewhere.
_USERINFO = re.compile(r"://[^/\s]*@")
_CREDENTIAL = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")
_MOUNTED = re.compile(r"id=[\"']?settings\b")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@frozen
class BuildSecrets:
    """`ca`: PEM certificates; `settings`: a shell file of exports. None: the machine has nothing to say, and a
    Dockerfile of the project's own gets settings all the same, so that a step that reads them works anywhere."""

    ca: bytes | None = field(default=None, repr=False)
    settings: bytes | None = field(default=None, repr=False)
    own: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # those that the user named, each by its name
    exports: Mapping[str, str] = field(default_factory=dict, repr=False)  # what `settings` says
    # A sentence for each setting of the machine that means nothing inside a container.
    left_out: tuple[str, ...] = ()
    # Names of the variables that hold a password; `withheld` says whether it was taken out.
    with_passwords: tuple[str, ...] = ()
    withheld: bool = False

    def by_name(self) -> dict[str, bytes]:
        named = {"ca": self.ca, "settings": self.settings}
        return {**self.own, **{name: content for name, content in named.items() if content is not None}}


def read_build_secrets(
    environ: Mapping[str, str], *, passwords: bool = True, named: Iterable[str] = (), mounted: bool = False
) -> BuildSecrets:
    """`passwords` False: the addresses alone. `named`: variables that the user hands over besides; `mounted`: each is a
    secret of its own, as a Dockerfile of the project's mounts it, else they are among the settings. ConfigError when
    one of them is not set, or a variable names a CA bundle that can't be read."""
    exports, left_out = _settings(environ)
    handed = {name: _value_of(environ, name) for name in named}
    known = (name for name in exports if name in environ or name.lower() in environ)
    with_passwords = sorted(name for name in known if name.isupper() and _has_password(name, exports[name]))
    if not passwords:
        exports = {name: _USERINFO.sub("://", value) for name, value in exports.items() if not _CREDENTIAL.match(name)}
    if not mounted:
        exports.update(handed)
        with_passwords = sorted({*with_passwords, *handed})
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    if mounted:
        text += _MOUNTED_CA
    return BuildSecrets(
        ca=ca_bundle(environ),
        settings=text.encode() or None,
        exports=exports,
        own={name: value.encode() for name, value in handed.items()} if mounted else {},
        left_out=tuple(left_out),
        with_passwords=tuple(with_passwords),
        withheld=not passwords and bool(with_passwords),
    )


def about_passwords(plan: ImagePlan, secrets: BuildSecrets) -> Notice | None:
    """Who can read the passwords of this machine's indexes and proxies, where the project's own code is among them."""
    if not secrets.with_passwords:
        return None
    names = ", ".join(secrets.with_passwords)
    if isinstance(plan.recipe, StandardRecipe):
        if not plan.recipe.dependencies.whole_project and plan.recipe.install is None:
            return None
        text = f"installing the project runs its own build code, which can read the passwords in {names}"
        return Notice(text=text, hint="unset them for a project that you don't know")
    text = (plan.source.root / plan.recipe.path).read_text(encoding="utf-8", errors="replace")
    if not _MOUNTED.search(text):
        return None
    if secrets.withheld:
        text = f"{plan.recipe.path} gets {names} without the passwords"
        return Notice(text=text, hint="--trust-dockerfile hands them to a Dockerfile that you know", level="warning")
    return Notice(text=f"{plan.recipe.path} can read the passwords in {names} (--trust-dockerfile)")


def _has_password(name: str, value: str) -> bool:
    return _CREDENTIAL.match(name) is not None or _USERINFO.search(value) is not None


def _value_of(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise ConfigError(f"build.secrets names {name}, which is not set in this shell", hint=f"export {name}=…")
    return value


def ca_bundle(environ: Mapping[str, str]) -> bytes | None:
    """PEM certificates of the first variable that names a file. ConfigError where it can't be read."""
    for name in CA_VARIABLES:
        value = environ.get(name)
        if not value or Path(value).is_dir():
            continue
        try:
            return Path(value).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{name} names {value}, which can't be read: {error.strerror}", hint=f"correct {name} or unset it"
            ) from None
    return None


def _settings(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    exports: dict[str, str] = {}
    left_out: list[str] = []
    names = [*_INDEX_VARIABLES, *sorted(name for name in environ if name.startswith("UV_INDEX_"))]
    for name in dict.fromkeys(names):
        # Several addresses are separated by blanks; a folder of this machine is not there in the container.
        words = environ.get(name, "").split()
        kept = [word for word in words if "file:" not in word and not word.startswith(("/", "./", "~"))]
        if len(kept) < len(words):
            left_out.append(f"{name} names a folder of this machine; the image build can't see it")
        if kept:
            exports[name] = " ".join(kept)
    _translate(exports)
    for name in _PROXY_VARIABLES:
        value = environ.get(name) or environ.get(name.lower())
        if not value:
            continue
        if name != "NO_PROXY" and urlsplit(value).hostname in _LOOPBACK:
            left_out.append(f"{name} is on this machine itself; a container can't reach it there")
            continue
        exports[name] = exports[name.lower()] = value
    return exports, left_out


def _translate(exports: dict[str, str]) -> None:
    """pip installs uv and uv installs the rest: each gets the other's settings in its own words."""
    default = exports.get("UV_DEFAULT_INDEX") or exports.get("UV_INDEX_URL")
    if "PIP_INDEX_URL" in exports and default is None:
        exports["UV_DEFAULT_INDEX"] = exports["PIP_INDEX_URL"]
    elif default is not None and "PIP_INDEX_URL" not in exports:
        exports["PIP_INDEX_URL"] = default.partition("=")[2] if _is_named(default) else default
    if "PIP_EXTRA_INDEX_URL" in exports and not {"UV_INDEX", "UV_EXTRA_INDEX_URL"} & exports.keys():
        exports["UV_INDEX"] = exports["PIP_EXTRA_INDEX_URL"]
    if "PIP_TRUSTED_HOST" in exports and "UV_INSECURE_HOST" not in exports:
        exports["UV_INSECURE_HOST"] = exports["PIP_TRUSTED_HOST"]


def _is_named(index: str) -> bool:
    """uv's `name=https://…`."""
    return "=" in index.partition("://")[0]
