"""The secrets of one embedded AWS: new for each start, in memory and in its state file, nowhere else."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import field
from datetime import datetime

from aws_run.frozen import frozen
from aws_run.local.options import CALLER_PREFIX

ID_LENGTH = 20  # of access keys, as AWS has them
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ROLE_PREFIX = "ASIA"


@frozen
class Session:
    """Temporary credentials of a role, as a task gets them."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    role_name: str
    ends_at: datetime | None = None  # None: as long as its task


class Keys:
    """Who may sign what: the administrator's key, the caller's, and one for each set of temporary credentials handed
    out."""

    def __init__(self) -> None:
        self.access_key = _new_id(CALLER_PREFIX)
        self.secret_key = _new_secret()
        self.token = secrets.token_urlsafe(32)  # of the pages under /_aws-run/
        # Of a caller who is held to a policy, where there is one.
        self.caller_key = _new_id(CALLER_PREFIX)
        self.caller_secret = _new_secret()
        self._users = {self.access_key: self.secret_key, self.caller_key: self.caller_secret}
        self._sessions: dict[str, Session] = {}

    def add_user(self, access_key: str, secret_key: str) -> None:
        """One more administrator, for tests that tell several clients apart."""
        self._users[access_key] = secret_key

    def new_session(self, role_name: str, *, ends_at: datetime | None = None) -> Session:
        session = Session(
            access_key=_new_id(ROLE_PREFIX),
            secret_key=_new_secret(),
            token=secrets.token_urlsafe(96),
            role_name=role_name,
            ends_at=ends_at,
        )
        self._sessions[session.access_key] = session
        return session

    def session(self, access_key: str) -> Session | None:
        return self._sessions.get(access_key)

    def secret_of(self, access_key: str) -> str | None:
        """None for a key that was never handed out."""
        session = self._sessions.get(access_key)
        return session.secret_key if session is not None else self._users.get(access_key)

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def is_role_key(access_key: str) -> bool:
    return access_key.startswith(ROLE_PREFIX)


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(ID_LENGTH - len(prefix)))


def _new_secret() -> str:
    return secrets.token_urlsafe(30)
