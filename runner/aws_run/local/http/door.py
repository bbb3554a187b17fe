"""Who is let in at all: no web page, nobody under another name, and tasks at an address of their own.

A page of a browser can reach every address of this machine. It can't hide that it is a page: browsers add `Origin` or
`Sec-Fetch-Site`, and a name that was made to point here (DNS rebinding) stands in `Host`.
"""

from __future__ import annotations

from aws_run.frozen import frozen
from aws_run.local.http.protocol import Environ, Reply

# What aws-run and the usual clients of these services need (README). The rest of moto is left out: Batch, Lambda and
# CodeBuild start containers of this machine's engine, with mounts of its folders.
SERVICES = frozenset(
    {
        "autoscaling", "bcm-data-exports", "ce", "ec2", "ecr", "ecs", "iam", "kms", "logs", "pricing", "s3",
        "scheduler", "secretsmanager", "servicequotas", "ssm", "sts",
    }
)  # fmt: skip
TASK_SERVICES = frozenset({"s3", "logs", "sts"})


@frozen
class Door:
    """One listening address. `names`: the hosts it goes by; `tasks`: containers come in here, with role keys only."""

    names: frozenset[str]
    tasks: bool

    @property
    def services(self) -> frozenset[str]:
        return TASK_SERVICES if self.tasks else SERVICES

    def turns_away(self, environ: Environ) -> Reply | None:
        """An answer without a word to a page: no header that would let it read this, no permission for a preflight."""
        page = any(name == "HTTP_ORIGIN" or name.startswith("HTTP_SEC_FETCH_") for name in environ)
        port = environ.get("SERVER_PORT", "")
        known = str(environ.get("HTTP_HOST", "")).lower() in {f"{name}:{port}" for name in self.names}
        if known and not page and environ["REQUEST_METHOD"] != "OPTIONS":
            return None
        text = b"The embedded AWS answers programs on this machine, no web page, and under its own address only.\n"
        return Reply(status=403, headers=(("Content-Type", "text/plain"),), body=text)
