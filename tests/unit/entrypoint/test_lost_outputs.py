"""What of -o can't be saved is named and counted, and never exit code 0; what took the place of -o is not -o."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from tests.unit.entrypoint.container_support import PREFIX, Container, python
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, send

from aws_run_entrypoint.saving import not_saved
from aws_run_entrypoint.transfer import Entry, Skipped, Source, get_object
from aws_run_entrypoint.transfer import manifest as manifests

START = "import os,sys,socket; out=sys.argv[4]; open(out+'/fine','w').write('x');"
LOST = [
    ("os.mkfifo(out+'/pipe')", "'pipe' is a named pipe"),
    ("s=socket.socket(socket.AF_UNIX); os.chdir(out); s.bind('sock')", "'sock' is a socket"),
    ("os.symlink('/etc/passwd', out+'/link')", "'link' is a link that leaves the folder"),
    ("os.symlink('nowhere', out+'/link')", "'link' is a link to nothing"),
    ("open(out+'/.aws-run-part-results','w')", "'.aws-run-part-results' holds a name that begins with"),
]


@pytest.mark.parametrize(("deed", "told"), LOST)
def test_an_output_that_cannot_be_saved_is_named_and_is_no_success(container: Container, deed: str, told: str) -> None:
    code, _, err = container.run(*python(START + deed))
    result = container.result()
    assert (code, result["exit_code"], result["job_exit_code"], result["reason"]) == (125, 125, 0, "sync-out-failed")
    assert result["unsaved"].startswith("1 of the outputs could not be saved: ")
    assert told in result["unsaved"]
    assert told in err
    assert container.outputs() == {"fine": b"x"}


LONG = "a" * 200 + "/" + "b" * 200 + "/" + "c" * 200 + "/" + "d" * 200 + "/" + "e" * 200 + ".csv"


@pytest.mark.parametrize(
    ("deed", "path"),
    [
        (f"p=out+'/{LONG}'; os.makedirs(os.path.dirname(p)); open(p,'w').write('long')", LONG),
        ("open(os.fsencode(out)+b'/caf\\xe9.txt','w').write('long')", "caf\udce9.txt"),
        (
            "os.mkdir(os.fsencode(out)+b'/caf\\xe9'); open(os.fsencode(out)+b'/caf\\xe9/x','w').write('long')",
            "caf\udce9/x",
        ),
    ],
)
def test_an_output_whose_name_s3_does_not_take_arrives_under_a_short_one(
    container: Container, deed: str, path: str
) -> None:
    code, _, err = container.run(*python(START + deed))
    outputs = container.outputs()
    listed = json.loads(outputs.pop("renamed.json"))
    assert [item["path"] for item in listed["files"]] == [path]
    name = listed["files"][0]["name"]
    assert outputs == {"fine": b"x", name: b"long"}
    assert name.startswith("renamed/")
    assert len(name) < 100
    result = container.result()
    assert (code, result["reason"], result["output"]["renamed"]) == (125, "sync-out-failed", 1)
    assert "1 of the outputs have names that S3 does not take" in result["unsaved"]
    assert name in err


def test_a_list_of_the_jobs_own_by_that_name_stays(container: Container) -> None:
    deed = "open(os.fsencode(out)+b'/caf\\xe9','w'); open(out+'/renamed.json','w').write('mine')"
    container.run(*python(START + deed))
    outputs = container.outputs()
    assert outputs["renamed.json"] == b"mine"
    assert json.loads(outputs["renamed.aws-run.json"])["files"][0]["path"] == "caf\udce9"


def test_a_job_that_failed_keeps_its_code_and_says_what_was_lost(container: Container) -> None:
    code, _, _ = container.run(*python(START + "os.mkfifo(out+'/pipe'); sys.exit(7)"))
    assert code == 7
    assert "'pipe' is a named pipe" in container.result()["unsaved"]


def test_all_are_counted_and_the_first_twenty_named() -> None:
    text = not_saved("outputs", [Skipped(f"f{n}", "is a socket") for n in range(1000)])
    assert text.startswith("1000 of the outputs could not be saved: 'f0' is a socket; 'f1'")
    assert text.endswith("'f19' is a socket; and 980 more")


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("os.symlink('/etc', out)", "is a link here, to '/etc', and no folder"),
        ("os.symlink('/proc/self', out)", "is a link here, to '/proc/self', and no folder"),
        ("os.symlink('nowhere', out)", "is a link here, to 'nowhere', and no folder"),
        ("open(out, 'w').close()", "is not a folder here"),
        ("os.mkfifo(out)", "is not a folder here"),
    ],
)
def test_what_a_job_puts_in_the_place_of_its_output_folder_is_not_sent(
    container: Container, deed: str, told: str
) -> None:
    code, _, err = container.run(*python(f"import os,sys,shutil; out=sys.argv[4]; shutil.rmtree(out); {deed}"))
    assert code == 125
    assert told in container.result()["unsaved"]
    assert "Errno" not in err
    assert container.outputs() == {}


def test_an_output_folder_that_is_a_link_from_the_start_is_refused_before_the_job_works(
    container: Container, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    work = tmp_path / "given"
    work.mkdir()
    (work / "output").symlink_to(tmp_path / "elsewhere")
    code, _, _ = container.run(*python("print('ran')"), AWS_RUN_WORK_DIR=str(work))
    assert code == 125
    assert "is a link here" in container.result()["detail"]
    assert container.result()["command_started_at"] is None


def test_what_was_saved_of_a_folder_that_can_no_longer_be_listed_stays(stub: StubS3) -> None:
    """As an ordinary user: root lists everything."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "out")
        (root / "b/deep").mkdir(parents=True)
        for name in ("a", "b/x", "b/deep/y", "c"):
            (root / name).write_text(name)
        send(stub.bucket(), root, strict=False)
        Path(folder).chmod(0o755)
        (root / "c").unlink()
        was = os.geteuid()
        (root / "b").chmod(0)
        if was == 0:
            os.seteuid(65534)
        try:
            done = send(stub.bucket(), root, strict=False)
        finally:
            os.seteuid(was)
            (root / "b").chmod(0o755)
        assert [(one.path, one.why) for one in done.skipped] == [("b", "can't be listed (Permission denied)")]
        kept = [entry.path for entry in manifests.entries(get_object(stub.bucket(), KEY).body)]
        assert kept == ["a", "b/deep/y", "b/x"]
        assert done.files == 3


def test_a_whole_output_folder_that_cannot_be_listed_loses_nothing_that_was_saved(stub: StubS3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "out")
        root.mkdir()
        (root / "a").write_text("a")
        send(stub.bucket(), root, strict=False)
        Path(folder).chmod(0o755)
        was = os.geteuid()
        root.chmod(0)
        if was == 0:
            os.seteuid(65534)
        try:
            done = send(stub.bucket(), root, strict=False)
        finally:
            os.seteuid(was)
            root.chmod(0o755)
        assert [one.path for one in done.skipped] == ["."]
        assert [entry.path for entry in manifests.entries(get_object(stub.bucket(), KEY).body)] == ["a"]


def test_a_source_that_a_job_wrote_into_its_checkpoint_is_refused(container: Container, stub: StubS3) -> None:
    stub.store("other/secret", b"x")
    entry = manifests.encode_entry(Entry("secret", 1, 1, 0o644, None, None))
    source = Source("bucket", "us-east-1", "other/", None)
    stub.store(f"{PREFIX}checkpoint.json", manifests.encode([entry], files=1, total_bytes=1, source=source))
    saved = container.tmp_path / "saved"
    code, _, _ = container.run(*python("pass"), AWS_RUN_CHECKPOINT_PATH=str(saved))
    assert code == 125
    assert "names another bucket" in container.result()["detail"]
    assert not list(saved.iterdir())


@pytest.mark.parametrize(("key", "code"), [(f"{PREFIX}inputs/x.snapshot.json", 0), ("inputs/p/x.snapshot.json", 125)])
def test_an_input_lies_in_another_place_only_where_its_pin_is_beside_the_run(
    container: Container, stub: StubS3, key: str, code: int
) -> None:
    stub.store("far/a", b"x")
    entry = manifests.encode_entry(Entry("a", 1, 1, 0o644, None, None))
    source = Source("bucket", "us-east-1", "far/", None)
    stub.store(key, manifests.encode([entry], files=1, total_bytes=1, source=source))
    inputs = json.dumps([{"name": "x", "snapshot_key": key, "version_id": None}])
    assert container.run(*python(START + "open(sys.argv[2]+'/a')"), AWS_RUN_INPUTS=inputs)[0] == code
