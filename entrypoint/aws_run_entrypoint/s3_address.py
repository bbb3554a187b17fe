"""Where the container reaches S3: as the AWS SDKs find it, from the environment first, then the shared config file.

AWS SDKs and Tools Reference Guide, "Service-specific endpoints" and "Dual-stack and FIPS endpoints".
"""

from __future__ import annotations

import configparser
import os
from typing import Mapping, Optional

from .transfer import aws_url

Settings = Mapping[str, str]


def configured(env: Settings, region: str) -> Optional[str]:
    """A server of one's own, or AWS's FIPS or dual-stack address; None for S3's plain one."""
    profile = _profile(env)
    if not _is_on(env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or profile.get("ignore_configured_endpoint_urls")):
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
            if env.get(name):
                return env[name]
        url = profile.get("services.s3.endpoint_url") or profile.get("endpoint_url")
        if url:
            return url
    dual_stack = (
        env.get("AWS_USE_DUALSTACK_ENDPOINT")
        or profile.get("use_dualstack_endpoint")
        or profile.get("s3.use_dualstack_endpoint")
    )
    fips = env.get("AWS_USE_FIPS_ENDPOINT") or profile.get("use_fips_endpoint")
    return aws_url(region, fips=_is_on(fips), dual_stack=_is_on(dual_stack))


def _is_on(text: Optional[str]) -> bool:
    return (text or "").strip().lower() == "true"


def _profile(env: Settings) -> Settings:
    """The profile's settings; those of a group in it, and of its `services`, have its name before theirs."""
    path = os.path.expanduser(env.get("AWS_CONFIG_FILE") or os.path.join(env.get("HOME") or "~", ".aws", "config"))
    if not os.path.isfile(path):
        return {}
    file = configparser.RawConfigParser()
    try:
        file.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}  # the image's own: whoever reads it for the job says what is wrong with it
    name = env.get("AWS_PROFILE") or "default"
    settings = _flat(file, name if name == "default" else f"profile {name}")
    if settings.get("services"):
        services = _flat(file, f"services {settings['services']}")
        settings.update({f"services.{key}": value for key, value in services.items()})
    return settings


def _flat(file: configparser.RawConfigParser, section: str) -> "dict[str, str]":
    settings = {}
    for key, value in file.items(section) if file.has_section(section) else ():
        settings[key] = value.strip()
        for line in value.splitlines()[1:]:
            inner, equals, text = line.partition("=")
            if equals:
                settings[f"{key}.{inner.strip()}"] = text.strip()
    return settings
