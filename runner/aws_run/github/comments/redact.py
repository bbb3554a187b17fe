"""What never leaves in a comment: GitHub masks secrets in logs, but not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK = "***"
# Forms of credentials that tell themselves.
_FORMS = re.compile(
    r"(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|xox[abposr]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?i:aws_secret_access_key|aws_session_token|password|passwd|secret|api_?key|token)(?P<sign>\s*[=:]\s*)[^\s,;'\"]{6,}"
)
_SECRET_NAME = re.compile(r"(?i)(token|secret|password|passwd|credential|_key$|^key$|access_key)")
_SHORTEST = 6


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values that the environment keeps under a name like a secret's, the longest first."""
    values = {value for name, value in environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}
    return tuple(sorted(values, key=len, reverse=True))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without any of `secrets`, and without what looks like a credential."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return _FORMS.sub(MASK, text)
