"""The entrypoint in images that hold one Python and little else: glibc and musl, x86_64 and arm64. On demand.

Each is a container as a wary platform would run it: a user without a name, a read-only root, one volume, no rights,
a home that is not there; over TLS, by a certificate that only the image knows.
"""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
import pytest
from tests.docker.image_support import Bench
from tests.independence import story
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, send

from aws_run.errors import BuildError
from aws_run.image.recipe.entrypoint_layer import wrap_dockerfile
from aws_run_entrypoint import contract
from aws_run_entrypoint.bundle import write_layer

REPOSITORY = "aws-run-python"
GOOD = ("3.9", "3.11", "3.13", "3.14", "musl", "arm64")
WARY = (
    *("--user", "12345:54321", "--read-only", "--volume", "/aws-run", "--workdir", "/code"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--env", "HOME=/nonexistent"),
)
# How the kernel knows a program for arm64, as Debian's qemu-user-static has it.
_QEMU = (
    r":aws-run-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F"
)
BIG_BYTES = 260 << 20  # more than one process moves alone


@pytest.fixture(scope="module", autouse=True)
def arm64() -> Iterator[None]:
    """While these tests run, the kernel hands arm64 programs to QEMU. F: whatever root they are started from."""
    formats = Path("/proc/sys/fs/binfmt_misc")
    if platform.machine() == "aarch64" or any("aarch64" in path.name for path in formats.glob("*")):
        yield
        return
    if not (formats / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", formats], check=True)
    (formats / "register").write_text(_QEMU)
    yield
    (formats / "aws-run-arm64").write_text("-1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=stub", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run(
        [*command, "-keyout", folder / "key.pem", "-out", folder / "ca.pem"], check=True, capture_output=True
    )
    return folder / "ca.pem"


class TlsStub(StubS3):
    """The same over TLS."""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")


@pytest.fixture
def tls_stub(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsStub]:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))  # the tests' own side sends the inputs
    stub = TlsStub(certificate)
    with stub:
        yield stub


@pytest.fixture(scope="module", params=GOOD)
def image(request: pytest.FixtureRequest, certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What aws-run puts on an image, on one that is hostile."""
    base = f"{REPOSITORY}:{request.param}"
    folder = tmp_path_factory.mktemp("image")
    ask = ["docker", "run", "--rm", base, "python3", "-I", "-c", "import site; print(site.getsitepackages()[0])"]
    site = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    story.write_hostile_site(folder / "site")
    (folder / "site/first.pth").write_text(f"import sys; sys.path.insert(0, {site!r})\n")
    story.write_shadows(folder / "code")
    shutil.copy(certificate, folder / "ca.pem")
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY site/ {site}/\nCOPY code/ /code/\nCOPY ca.pem /ca.pem\n")
    hostile, image = f"{REPOSITORY}-hostile:{request.param}", f"{REPOSITORY}-test:{request.param}"
    build(folder, hostile)
    context = tmp_path_factory.mktemp("wrap")
    write_layer(context / "entrypoint.tar")
    (context / "Dockerfile").write_text(wrap_dockerfile([], ["python3"]))
    machine = "aarch64" if request.param == "arm64" else platform.machine()
    build(context, image, f"PROJECT_IMAGE={hostile}", f"MACHINE={machine}")
    yield image
    subprocess.run(["docker", "rmi", "--force", image, hostile], check=True, capture_output=True)


def build(context: Path, tag: str, *args: str) -> None:
    said = [part for arg in args for part in ("--build-arg", arg)]
    command = ["docker", "build", "--quiet", "--tag", tag, *said, str(context)]
    # The classic builder takes an image as it is; BuildKit looks for one of this machine's kind.
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def container(image: str, env: Mapping[str, str], *options: str) -> list[str]:
    said = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    bundle = ("--env", "AWS_CA_BUNDLE=/ca.pem")
    return ["docker", "run", "--rm", "--network", "host", *WARY, *bundle, *options, *said, image]


def run(image: str, env: Mapping[str, str], *options: str) -> story.Ended:
    done = subprocess.run(container(image, env, *options), capture_output=True, text=True, check=False, timeout=300)
    return story.Ended(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.mark.parametrize("given", [story.HOSTILE_ENV, {}], ids=["hostile", "bare"])
def test_the_main_job_runs_whatever_is_installed_and_set(
    image: str, tls_stub: TlsStub, tmp_path: Path, given: dict[str, str]
) -> None:
    told = {"AWS_CA_BUNDLE": "/ca.pem", "HOME": "/nonexistent", **given}
    story.tell(tls_stub, lambda env: run(image, env), "python3", tmp_path, told)


def test_without_any_certificates_the_roots_of_s3_are_trusted(image: str) -> None:
    """None of these images has a bundle; over TLS to AWS itself each would be lost."""
    ask = (
        "import sys; sys.path.insert(0, '/opt/aws-run/entrypoint.pyz'); "
        "from aws_run_entrypoint.transfer.endpoint import tls_context; print(tls_context({}).cert_store_stats()['x509_ca'])"
    )
    options = (*WARY, "--entrypoint", "python3", image, "-I", "-S", "-c", ask)
    done = subprocess.run(["docker", "run", "--rm", *options], capture_output=True, text=True, check=False)
    assert done.stdout == "5\n", done.stderr


def test_a_stop_reaches_the_job_and_its_checkpoint_is_kept(image: str, tls_stub: TlsStub) -> None:
    env = story.settings(
        tls_stub,
        ["python3", "-I", "-S", "-c", story.STOPPABLE],
        **{contract.CHECKPOINT_PATH: "/aws-run/checkpoint", contract.CHECKPOINT_EVERY_S: "300"},
    )
    name = f"aws-run-{uuid.uuid4().hex[:8]}"
    process = subprocess.Popen(container(image, env, "--name", name), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert "ready\n" in lines
    subprocess.run(["docker", "kill", "--signal", "TERM", name], check=True, capture_output=True)
    process.communicate(timeout=120)
    story.check_stopped(tls_stub, process.returncode)


def test_a_big_file_goes_through_helper_processes(image: str, tls_stub: TlsStub, tmp_path: Path) -> None:
    body = os.urandom(1 << 20) * (BIG_BYTES >> 20)
    (tmp_path / "big").write_bytes(body)
    version = send(tls_stub.bucket(), tmp_path).manifest_version_id
    inputs = story.inputs(KEY, version)
    move = "import os, sys; os.rename(sys.argv[2] + '/big', sys.argv[4] + '/big')"
    ended = run(image, story.settings(tls_stub, ["python3", "-I", "-S", "-c", move], **{contract.INPUTS: inputs}))
    assert (ended.code, ended.stdout) == (0, ""), ended.stderr
    assert story.outputs(tls_stub) == {"big": body}


@pytest.fixture(scope="module")
def context() -> Iterator[Bench]:
    client = docker.from_env()
    context = Bench(engine=client, registry="127.0.0.1:1", base_image="")
    yield context
    context.clean()
    client.close()


def old_python(folder: Path) -> Path:
    """An image as of a machine of 2018, made of pyenv's 3.8."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    version = next(iter(sorted(pyenv.glob("versions/3.[678].*"))), None)
    assert version is not None, "pyenv has no 3.6, 3.7 or 3.8 here: pyenv install 3.8"
    shutil.copytree(
        version, folder / "old", symlinks=True, ignore=shutil.ignore_patterns("test", "site-packages", "*.a")
    )
    return folder


@pytest.mark.parametrize("classic", [False, True])
def test_an_image_whose_python_lacks_modules_is_told_at_build_time(
    tmp_path: Path, context: Bench, classic: bool
) -> None:
    root = tmp_path / "partial"
    root.mkdir()
    (root / "Dockerfile").write_text(f'FROM {REPOSITORY}:minimal\nCMD ["python3", "main.py"]\n')
    with pytest.raises(BuildError, match="python3 is not whole: it lacks the module json") as caught:
        context.build(context.plan(root), classic=classic)
    assert "python3-minimal" in str(caught.value.hint)


@pytest.mark.parametrize("classic", [False, True])
def test_an_image_whose_python_is_too_old_is_told_at_build_time(tmp_path: Path, context: Bench, classic: bool) -> None:
    root = tmp_path / "old"
    root.mkdir()
    old_python(root)
    (root / "Dockerfile").write_text(
        'FROM aws-run-test-base:bookworm\nCOPY old/ /usr/local/\nRUN ldconfig\nCMD ["python3", "main.py"]\n'
    )
    with pytest.raises(BuildError, match=r"python3 is too old; aws-run needs Python 3\.9"):
        context.build(context.plan(root), classic=classic)
