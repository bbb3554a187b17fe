"""Addresses of pages in AWS's console."""

from __future__ import annotations

from urllib.parse import quote

from aws_run import partition


def bucket_prefix(bucket: str, prefix: str, region: str) -> str:
    """The objects below `prefix`."""
    return f"{_console(region)}/s3/buckets/{bucket}?region={region}&prefix={prefix}"


def object_page(bucket: str, key: str, region: str) -> str:
    """One object, with buttons that open and download it."""
    return f"{_console(region)}/s3/object/{bucket}?region={region}&prefix={quote(key, safe='/')}"


def task(cluster: str, arn: str, region: str) -> str:
    """A task on ECS, by its ARN. `cluster`: its name or ARN."""
    name, task_id = cluster.rsplit("/", 1)[-1], arn.rsplit("/", 1)[-1]
    return f"{_console(region)}/ecs/v2/clusters/{name}/tasks/{task_id}/configuration?region={region}"


def log_group(name: str, stream_prefix: str, region: str) -> str:
    """The streams of a log group whose names begin so. The page's fragment is quoted twice, with $ for the second %."""
    group, prefix = (quote(quote(text, safe=""), safe="").replace("%", "$") for text in (name, stream_prefix))
    return (
        f"{_console(region)}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{prefix}"
    )


def _console(region: str) -> str:
    return partition.of_region(region).console(region)
