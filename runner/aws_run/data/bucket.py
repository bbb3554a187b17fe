"""The engine's `Bucket`, made of botocore's credentials. botocore itself stays in `aws/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aws_run_entrypoint.transfer import Bucket, Credentials, CredentialSource


class FrozenCredentials(Protocol):
    """As `session.get_credentials().get_frozen_credentials()` gives them."""

    @property
    def access_key(self) -> str | None: ...

    @property
    def secret_key(self) -> str | None: ...

    @property
    def token(self) -> str | None: ...


class BotocoreSource(CredentialSource):
    """Gets them from botocore each time, which keeps them in memory and refreshes them by itself."""

    def __init__(self, frozen: Callable[[], FrozenCredentials]) -> None:
        self._frozen = frozen

    def get(self) -> Credentials:
        held = self._frozen()
        return Credentials(held.access_key or "", held.secret_key or "", held.token)


def bucket_for(
    *,
    name: str,
    region: str,
    owner: str | None,
    frozen_credentials: Callable[[], FrozenCredentials],
    endpoint_url: str | None = None,
) -> Bucket:
    """`owner`: the account id, sent with every request, so that a bucket of somebody else is refused.

    `frozen_credentials`: `session.get_credentials().get_frozen_credentials`; `endpoint_url` None means AWS.
    """
    return Bucket(
        name=name, region=region, credentials=BotocoreSource(frozen_credentials), endpoint_url=endpoint_url, owner=owner
    )
