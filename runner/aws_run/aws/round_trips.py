"""The HTTP requests of botocore's clients: what each was, how it went, and whether its answer can be read at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_run.aws.answers import refuse_unreadable
from aws_run.clock import Clock
from aws_run.frozen import frozen


@frozen
class RoundTrip:
    """One HTTP request as sent, retries included. `seconds`: until its answer; `status`: HTTP's, None where there was
    no answer."""

    service: str
    operation: str
    seconds: float = 0.0
    status: int | None = None


class Reader:
    """Sends one client's requests, and checks each response before botocore reads it.

    It does so in `before-send`, because botocore retries after an exception there (in every page, too), but not after
    one of its parser. A request that another handler of that event has answered does not come here.
    """

    def __init__(self, client: Any, clock: Clock, tell: Callable[[RoundTrip], None]) -> None:
        self._service = client.meta.service_model
        self._endpoint = client._endpoint
        self._clock = clock
        self._tell = tell

    def send(self, request: Any, event_name: str, **_: Any) -> Any:
        # before-send.<service>.<Operation>
        _name, service, name = event_name.split(".", 2)
        operation, began_s, status = self._service.operation_model(name), self._clock.monotonic(), None
        try:
            response = self._endpoint.http_session.send(request)
            status = response.status_code
        finally:
            seconds = self._clock.monotonic() - began_s
            self._tell(RoundTrip(service=service, operation=name, seconds=seconds, status=status))
        refuse_unreadable(operation, response, is_head=request.method == "HEAD")
        return response
