"""-i s3://… and several named inputs, through the real command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.local.cli_support import COPY, Cloud, cloud, project

VERSIONED, PLAIN, FOREIGN, ELSEWHERE = "data-versioned", "data-plain", "data-of-others", "data-elsewhere"
BIG = os.urandom((17 << 20) + 3)  # in ranges


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    """Four buckets: one with versions, one without, another account's, one in another region."""
    with cloud(tmp_path_factory.mktemp("home"), aws_session, foreign_buckets=(FOREIGN,)) as running:
        s3 = running.client("s3")
        for name in (VERSIONED, PLAIN, FOREIGN):
            s3.create_bucket(Bucket=name)
        s3.create_bucket(Bucket=ELSEWHERE, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
        yield running


def put(aws: Cloud, bucket: str, objects: dict[str, bytes]) -> None:
    for key, body in objects.items():
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A project that copies its input; its own data/ holds a.txt."""
    return project(tmp_path / "copy", COPY)


def run(aws: Cloud, folder: Path, *inputs: object, code: int = 0) -> tuple[dict[str, bytes], dict[str, Any], str]:
    """What came out, what was told as JSON, and what was said."""
    out = folder.parent / "out"
    given = [word for one in inputs for word in ("-i", one)]
    done = aws.run("submit", folder, *given, "-o", out, "--local", "--json")
    assert done.returncode == code, done.stderr
    return tree(out) if out.exists() else {}, json.loads(done.stdout), done.stderr


def role_policy(aws: Cloud) -> dict[str, Any]:
    """The task role's document, as it was last made."""
    from urllib.parse import parse_qs

    body = next(sent.body for sent in reversed(aws.sent) if sent.name == "iam:PutRolePolicy" and "OwnRun" in sent.body)
    found: dict[str, Any] = json.loads(parse_qs(body.replace("+", " "))["PolicyDocument"][0])
    return {statement["Sid"]: statement for statement in found["Statement"]}


def test_a_prefix_without_versions_is_read_in_place_and_comes_byte_for_byte(aws: Cloud, copy: Path) -> None:
    objects = {"a.txt": b"one", "sub dir/ü+&<x>.bin": bytes(range(256)), "big": BIG, "empty": b""}
    put(aws, PLAIN, {f"set/{name}": body for name, body in objects.items()})
    put(aws, PLAIN, {"set/": b"", "set/folder/": b"", "set2/not-mine": b"x"})
    before = len(aws.sent)
    out, told, said = run(aws, copy, f"s3://{PLAIN}/set")
    assert out == objects
    assert "4 files are read in place" in said
    assert aws.keys("inputs/copy") == []
    assert aws.keys(f"runs/{told['run_id']}/inputs/") == [f"runs/{told['run_id']}/inputs/set.snapshot.json"]
    assert not [name for name in aws.names_sent(before) if name.startswith(f"s3:PUT /{PLAIN}")]
    allowed = role_policy(aws)["InputsElsewhere"]
    assert allowed["Resource"] == [f"arn:aws:s3:::{PLAIN}/set/*"]
    assert allowed["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert allowed["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}


def test_a_change_after_the_pin_ends_a_run_where_there_are_no_versions(aws: Cloud, copy: Path) -> None:
    put(aws, PLAIN, {"moving/a": b"as submitted", "moving/b": b"as submitted"})
    aws.before["ecs:RunTask"] = lambda: put(aws, PLAIN, {"moving/b": b"edited later"})
    out, told, said = run(aws, copy, f"s3://{PLAIN}/moving", code=125)
    sentence = f"s3://{PLAIN}/moving/b was changed after the run was submitted"
    assert told["status"].startswith(f"the inputs could not be fetched: {sentence}")
    assert sentence in said
    assert "Traceback" not in said
    assert out == {}


def test_a_change_after_the_pin_is_not_seen_where_there_are_versions(aws: Cloud, copy: Path) -> None:
    put(aws, VERSIONED, {"set/a": b"older"})
    put(
        aws,
        VERSIONED,
        {"set/a": b"as submitted", "set/gone": b"as submitted", "set/deleted before": b"x", "set/big": BIG},
    )
    s3 = aws.client("s3")
    s3.delete_object(Bucket=VERSIONED, Key="set/deleted before")

    def edit() -> None:
        put(aws, VERSIONED, {"set/a": b"edited later", "set/new": b"x", "set/big": b"small now"})
        s3.delete_object(Bucket=VERSIONED, Key="set/gone")

    aws.before["ecs:RunTask"] = edit
    out, told, _ = run(aws, copy, f"s3://{VERSIONED}/set/")
    assert out == {"a": b"as submitted", "gone": b"as submitted", "big": BIG}
    assert json.loads(aws.text(f"runs/{told['run_id']}/result.json"))["input"]["size_only_files"] == 0


def test_several_inputs_each_have_a_folder_and_an_unchanged_one_costs_one_request(aws: Cloud, copy: Path) -> None:
    put(aws, FOREIGN, {"m/weights": b"w", "m/sub/x": b"y"})
    inputs = (f"data={copy / 'data'}", f"model=s3://{FOREIGN}/m", f"one=s3://{FOREIGN}/m/weights")
    wanted = {"data/a.txt": b"hello", "model/weights": b"w", "model/sub/x": b"y", "one/weights": b"w"}
    assert run(aws, copy, *inputs)[0] == wanted
    policy = role_policy(aws)
    others = [f"arn:aws:s3:::{FOREIGN}/m/*", f"arn:aws:s3:::{FOREIGN}/m/weights"]
    assert policy["InputsOfOthers"]["Resource"] == others
    assert policy["InputsOfOthers"]["Condition"] == {"Bool": {"aws:SecureTransport": "true"}}
    assert "InputsElsewhere" not in policy
    before = len(aws.sent)
    again, _, said = run(aws, copy, *inputs)
    assert again == wanted
    assert "3 files are read in place; unchanged: 1 file, nothing sent" in said
    ours = [name for name in aws.names_sent(before) if "/inputs/copy/" in name]
    assert [name.rpartition("/")[2] for name in ours] == ["data.snapshot.json"]
    assert ours[0].startswith("s3:GET ")


def test_a_plan_and_a_check_show_what_would_be_read(aws: Cloud, copy: Path) -> None:
    put(aws, VERSIONED, {"shown/a": b"12345"})
    put(aws, ELSEWHERE, {"shown/a": b"123"})
    (copy / "aws-run.yaml").write_text(
        f"output: ../out\ninput: {{data: ./data, v: s3://{VERSIONED}/shown, e: s3://{ELSEWHERE}/shown/a}}\n"
    )
    done = aws.run("plan", copy, "--local", "--json")
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)
    assert [(row["kind"], row["what"], row["needs_yes"]) for row in planned["outside"]] == [
        ("input", f"s3://{VERSIONED}/shown", True),
        ("input", f"s3://{ELSEWHERE}/shown/a", True),
        ("output", str(copy.resolve().parent / "out"), True),
    ]
    assert planned["output"] == str(copy.parent / "out")
    assert any("results are written into" in note for note in planned["notes"])
    lane = next(lane for lane in planned["lanes"] if lane["lane"] == "input")
    assert [(row["action"], row["name"], row["note"]) for row in lane["rows"]] == [
        ("send", f"data={copy / 'data'}", "1 file, 5 B; only what changed"),
        ("reuse", f"v=s3://{VERSIONED}/shown", "1 file, 5 B; pinned by version, read in place"),
        ("reuse", f"e=s3://{ELSEWHERE}/shown/a", "1 file, 3 B; pinned by ETag, read in place"),
    ]
    assert f"s3://{ELSEWHERE}/shown/a lies in eu-west-1 and the run in us-east-1" in done.stderr
    checked = json.loads(aws.run("check", "--local", "--json", cwd=copy).stdout)["checks"]
    messages = {row["check"]: row["message"] for row in checked}
    assert f"s3://{VERSIONED}/shown: 1 file, 5 B; a run would pin them by version" in messages["input v"]
    assert "1 file, 5 B" in messages["input data"]


@pytest.mark.parametrize(
    ("place", "objects", "code", "sentence", "hint"),
    [
        ("s3://no-such-bucket/x", {}, 2, "there is no bucket no-such-bucket", "aws s3 ls"),
        (f"s3://{PLAIN}/nothing", {}, 2, "there are no objects", "aws s3 ls"),
        (f"s3://{PLAIN}/only/", {"only": b"x"}, 2, "there are no objects", "aws s3 ls"),
        (f"s3://{PLAIN}/both", {"both/a": b"x", "both/a.b": b"x", "both/a/b": b"x"}, 2, "a file and a folder at once", "exclude"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_one_sentence_and_nothing_is_made(
    aws: Cloud, copy: Path, place: str, objects: dict[str, bytes], code: int, sentence: str, hint: str
) -> None:
    put(aws, PLAIN, objects)
    done = aws.run("submit", copy, "-i", place, "-o", copy.parent / "out", "--local")
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert set(aws.left("copy")) <= {"repository"}


def test_a_full_sync_sends_what_only_looks_the_same(aws: Cloud, copy: Path) -> None:
    file = copy / "data/a.txt"
    out = copy.parent / "fresh"  # the job keeps a file's times, so that the results look the same as well
    run(aws, copy, copy / "data")
    before = file.stat()
    file.write_bytes(b"X" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = aws.run("submit", copy, "-i", copy / "data", "-o", out, "--local", "--full-sync")
    assert done.returncode == 0, done.stderr
    assert (out / "a.txt").read_bytes() == b"X" * before.st_size
