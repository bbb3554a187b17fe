"""CloudWatch's log events, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError
from aws_run.events import LogLine


class LogTail:
    """Reads one stream forward. An empty page is not the end; the same token twice is."""

    def __init__(self, aws: Aws, group: str, stream: str) -> None:
        self._aws = aws
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._token: str | None = None

    def last(self, count: int) -> list[LogLine]:
        """The last events, oldest first, without a change in what `read` gives next; none while there is no stream."""
        try:
            page = self._aws.call("logs", "get_log_events", startFromHead=False, limit=count, **self._where)
        except AwsCallError as error:
            if error.code == "ResourceNotFoundException":
                return []
            raise
        return [_line(event) for event in page.get("events", ())]

    def read(self) -> Iterator[LogLine]:
        """The events that were not read yet; none while the stream does not exist."""
        while True:
            token = {"nextToken": self._token} if self._token else {}
            try:
                page = self._aws.call("logs", "get_log_events", startFromHead=True, **self._where, **token)
            except AwsCallError as error:
                if error.code == "ResourceNotFoundException":
                    return
                raise
            for event in page["events"]:
                yield _line(event)
            following = page.get("nextForwardToken")
            if following is None or following == self._token:
                return
            self._token = following


def _line(event: Mapping[str, Any]) -> LogLine:
    return LogLine(timestamp_ms=int(event["timestamp"]), text=str(event["message"]))
