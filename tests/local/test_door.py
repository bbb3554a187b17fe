"""The embedded AWS is nobody's door: what a web page, another local user and a job without a role try, in raw HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.local.door_support import PAGE, address_of, ecs, forged, send, signed
from tests.local.support import Client, admin, boto_client, role

from aws_run.local.ask import ask
from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws, LocalOptions

OWN_PAGES = ["status", "bill", "left", "clock", "calls", "faults", "kill", "quotas", "no-capacity", "stop", "nothing"]


@pytest.fixture
def address(local_aws: LocalAws) -> str:
    return address_of(local_aws.endpoint_url)


@pytest.fixture
def tasks_address(embedded: Embedded, address: str) -> str:
    return f"127.0.0.1:{embedded.world.tasks_port}"


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user's that has nothing to do with any of this."""
    child = subprocess.Popen(["sleep", "600"])
    yield child
    child.kill()
    child.wait()


def admin_keys(local: LocalAws) -> Credentials:
    return Credentials(local.access_key, local.secret_key)


# -- a web page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/?X-Amz-Credential=AKIAX/20260101/us-east-1/s3/aws4_request", "/_aws-run/kill", "/moto-api/reset", "/b/k"],
)
def test_a_preflight_is_given_no_permission(address: str, path: str) -> None:
    asks = {
        **PAGE, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-amz-target",
    }  # fmt: skip
    for headers in (asks, {name: value for name, value in asks.items() if name not in PAGE}):
        answer = send(address, path, headers, method="OPTIONS")
        assert (answer.status, answer.gives_permission) == (403, False)


def test_a_page_that_forges_a_signature_registers_nothing_and_reads_nothing(client: Client, address: str) -> None:
    body = json.dumps({"family": "pwned", "containerDefinitions": [{"name": "x", "image": "x", "memory": 64}]}).encode()
    for headers in (PAGE, {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = send(address, "/", {**forged("ecs", "RegisterTaskDefinition"), **headers}, body=body)
        assert (answer.status, answer.gives_permission) == (403, False)
    assert client("ecs").list_task_definition_families()["families"] == []


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
def test_even_a_true_signature_does_not_help_a_page(local_aws: LocalAws, address: str, header: str) -> None:
    extra, body = ecs("ListClusters")
    true = signed(f"{local_aws.endpoint_url}/", admin_keys(local_aws), "ecs", body=body, **extra)
    mine = send(address, "/", true, body=body)
    assert (mine.status, mine.gives_permission) == (200, False)
    buckets = signed(f"{local_aws.endpoint_url}/", admin_keys(local_aws), "s3", method="GET")  # moto's own answer
    mine = send(address, "/", buckets, method="GET")
    assert (mine.status, mine.gives_permission) == (200, False)
    answer = send(address, "/", {**true, header: "cross-site"}, body=body)
    assert (answer.status, answer.gives_permission) == (403, False)


def test_another_name_for_this_machine_is_refused(local_aws: LocalAws, address: str) -> None:
    port = address.rpartition(":")[2]
    token = {"Authorization": f"Bearer {local_aws.token}"}
    assert send(address, "/_aws-run/status", token, method="GET").status == 200
    assert send(address, "/_aws-run/status", token, method="GET", host=f"localhost:{port}").status == 200
    for host in (f"evil.example:{port}", "evil.example", "127.0.0.1", f"127.0.0.1:1{port}", f"127.0.0.1.nip.io:{port}"):
        answer = send(address, "/_aws-run/status", token, method="GET", host=host)
        assert (answer.status, "account" in answer.text) == (403, False), host
    answer = send(address, f"http://evil.example:{port}/_aws-run/status", token, method="GET")
    assert (answer.status, "account" in answer.text) == (403, False)


def test_what_a_form_may_post_without_asking_kills_nobody(
    client: Client, address: str, victim: subprocess.Popen[bytes]
) -> None:
    body = json.dumps({"pid": victim.pid, "at": 1, "when": "before"}).encode()
    for headers in ({**PAGE, "Content-Type": "text/plain"}, {"Content-Type": "text/plain"}, {}):
        assert send(address, "/_aws-run/kill", headers, body=body).status in (401, 403)
    client("ecs").list_clusters()
    send(address, "/", forged("ecs", "ListClusters"), body=b"{}")
    assert victim.poll() is None


# -- another user of this machine ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", OWN_PAGES)
def test_its_own_pages_are_for_who_has_the_token(local_aws: LocalAws, address: str, page: str) -> None:
    for given in ("", "Bearer ", "Bearer x", f"Bearer {local_aws.token[:-1]}", f"Basic {local_aws.token}"):
        headers = {"Authorization": given} if given else {}
        for method in ("GET", "POST", "DELETE"):
            assert send(address, f"/_aws-run/{page}", headers, method=method).status == 401


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/seed", "/favicon.ico", "/latest/meta-data/iam"]
)
def test_the_pages_of_moto_are_not_there(client: Client, local_aws: LocalAws, address: str, path: str) -> None:
    client("ecs").create_cluster(clusterName="arun-stays")
    client("s3").create_bucket(Bucket="arun-stays")
    for method in ("GET", "POST"):
        assert send(address, path, {}, method=method).status == 403
    true = signed(f"{local_aws.endpoint_url}{path}", admin_keys(local_aws), "s3", method="GET")
    assert "NoSuchBucket" in send(address, path, true, method="GET").text
    assert client("ecs").list_clusters()["clusterArns"] != []
    assert client("s3").list_buckets()["Buckets"] != []


def test_a_path_does_not_choose_another_service_than_the_signature(local_aws: LocalAws, address: str) -> None:
    path = "/batch_us-east-1/v1/describecomputeenvironments"
    session = boto3.Session(region_name="us-east-1")
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = boto_client(session, local_aws, "s3", config=config)
    url = s3.generate_presigned_url(
        "put_object", Params={"Bucket": "batch_us-east-1", "Key": "v1/describecomputeenvironments"}
    )
    answer = send(address, url.removeprefix(local_aws.endpoint_url), {}, method="PUT")
    assert (answer.status, "NoSuchBucket" in answer.text) == (404, True)
    true = signed(f"{local_aws.endpoint_url}{path}", admin_keys(local_aws), "s3", method="GET")
    assert "NoSuchBucket" in send(address, path, true, method="GET").text
    s3.close()


def test_keys_are_new_for_each_start_and_hard_to_guess(local_aws: LocalAws, local_state: Path) -> None:
    assert len(local_aws.secret_key) == 40
    assert len(local_aws.token) >= 40
    others = [Embedded(LocalOptions(runtime="process"), local_state).world.keys for _ in range(3)]
    for told in ("access_key", "secret_key", "token"):
        assert len({getattr(local_aws, told), *(getattr(keys, told) for keys in others)}) == 4
    assert local_aws.secret_key not in repr(local_aws)
    assert local_aws.token not in repr(local_aws)


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("iam", "list_roles", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("autoscaling", "describe_auto_scaling_groups", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("ec2", "describe_vpcs", "AuthFailure", "AuthFailure"),
        ("ecs", "list_clusters", "UnrecognizedClientException", "InvalidSignatureException"),
        ("scheduler", "list_schedules", "UnrecognizedClientException", "InvalidSignatureException"),
    ],
)
def test_a_key_that_is_not_known_and_a_secret_that_is_wrong_are_refused_as_aws_does(
    local_aws: LocalAws, aws_session: boto3.Session, service: str, operation: str, unknown: str, wrong: str
) -> None:
    for key, code in (
        ("AKIAARUNLOCALEXAMPLE", unknown),
        ("ASIAARUNLOCALEXAMPLE", unknown),
        (local_aws.access_key, wrong),
    ):
        make = aws_session.client
        made = make(
            service,
            endpoint_url=local_aws.endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key="aws-run-local-secret",
        )
        with pytest.raises(ClientError) as refused:
            getattr(made, operation)()
        assert refused.value.response["Error"]["Code"] == code
        made.close()


@pytest.mark.parametrize(
    ("service", "operation"),
    [("batch", "describe_job_queues"), ("lambda", "list_functions"), ("codebuild", "list_projects"), ("sqs", "list_queues"),
     ("cloudformation", "list_stacks"), ("dynamodb", "list_tables"), ("events", "list_rules")],
)  # fmt: skip
def test_a_service_that_nobody_here_needs_is_refused_by_name(client: Client, service: str, operation: str) -> None:
    with pytest.raises(ClientError, match=f"does not have {service} here; it has autoscaling, ") as refused:
        getattr(client(service), operation)()
    assert refused.value.response["Error"]["Code"] == "InvalidAction"


def test_two_operations_in_one_request_are_refused(local_aws: LocalAws, address: str) -> None:
    body = b"Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    for path, sent in (("/", body), ("/?Action=AssumeRole", body.replace(b"&Action=AssumeRole", b""))):
        true = signed(f"{local_aws.endpoint_url}{path}", admin_keys(local_aws), "sts", body=sent, **form)
        assert "more than one operation" in send(address, path, true, body=sent).text


def test_no_client_is_killed_unless_that_was_asked_for_at_the_start(
    local_state: Path, victim: subprocess.Popen[bytes]
) -> None:
    embedded = Embedded(LocalOptions(runtime="process"), local_state)
    local = embedded.start()
    try:
        headers = {"Authorization": f"Bearer {local.token}"}
        body = json.dumps({"pid": victim.pid, "at": 1, "when": "before"}).encode()
        assert send(address_of(local.endpoint_url), "/_aws-run/kill", headers, body=body).status == 404
        ecs_client = boto_client(boto3.Session(region_name=local.region), local, "ecs")
        ecs_client.list_clusters()
        ecs_client.close()
        assert victim.poll() is None
    finally:
        embedded.stop()


def test_the_token_goes_to_no_proxy(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert ask(local_aws, "status")["account"] == local_aws.account


# -- where tasks come in ------------------------------------------------------------------------------------------


def test_tasks_have_an_address_of_their_own_without_any_control(local_aws: LocalAws, tasks_address: str) -> None:
    for page in OWN_PAGES:
        for headers in ({}, {"Authorization": f"Bearer {local_aws.token}"}):
            assert send(tasks_address, f"/_aws-run/{page}", headers).status == 403
    for path in ("/v2/credentials/", "/v2/credentials/x", "/v4/", "/v4/x/job", "/v4/x/job/task"):
        assert send(tasks_address, path, {}, method="GET").status in (400, 404)
    assert send(tasks_address, "/v2/credentials/x", PAGE, method="GET").status == 403
    assert send(tasks_address, "/v2/credentials/x", {}, method="GET", host="evil.example").status == 403


def test_tasks_call_with_role_keys_and_not_with_the_administrators(
    local_aws: LocalAws, embedded: Embedded, client: Client, tasks_address: str
) -> None:
    allowed = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    role(client, "arun-all", allowed)
    client("s3").create_bucket(Bucket="arun-bucket")
    session = embedded.world.keys.new_session("arun-all")
    role_keys = Credentials(session.access_key, session.secret_key, session.token)
    url = f"http://{tasks_address}/arun-bucket"
    mine = signed(url, role_keys, "s3", method="GET")
    assert send(tasks_address, "/arun-bucket", mine, method="GET").status == 200
    administrator = signed(url, admin_keys(local_aws), "s3", method="GET")
    assert send(tasks_address, "/arun-bucket", administrator, method="GET").status == 403
    for service in ("ecs", "iam", "ec2", "batch", "ecr", "secretsmanager"):
        true = signed(f"http://{tasks_address}/", role_keys, service, body=b"{}")
        refused = send(tasks_address, "/", true, body=b"{}")
        assert (refused.status, f"does not have {service} here; it has logs, s3, sts" in refused.text) == (400, True)
    stolen = Credentials(session.access_key, session.secret_key, "x" * len(session.token))
    assert send(tasks_address, "/arun-bucket", signed(url, stolen, "s3", method="GET"), method="GET").status == 403


def test_a_task_is_asked_for_by_what_it_alone_knows(embedded: Embedded, local_aws: LocalAws, address: str) -> None:
    """The user's own address serves no credentials at all."""
    for path in ("/v2/credentials/x", "/v4/x/job"):
        assert send(address, path, {}, method="GET").status == 403
    assert admin(local_aws, "status")["errors"] == []
